// A room (a folder of src) imports only from rooms before it on the path that data takes.
const path = ['io', 'kernels', 'weights', 'scores', 'universal-set', 'attention', 'vit', 'cluster', 'cli'];
const later = path.map((_, i) => path.slice(i + 1));
// What only tests import: the tests themselves, their data and their helpers.
const tests = '(\\.test(-data)?|/testing)\\.ts$';
const rooms = (names) => names.map((name) => `^src/${name}/`);

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...path.slice(0, -1).map((room, i) => ({
      name: `${room}-looks-back-only`,
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: { path: [...rooms(later[i]), '^src/index\\.ts$'] },
    })),
    {
      name: 'foundation-imports-no-room',
      severity: 'error',
      from: { path: '^src/[^/]+\\.ts$', pathNot: '^src/index\\.ts$' },
      to: { path: rooms(path) },
    },
    {
      name: 'every-folder-is-a-room-on-the-path',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: rooms(path) },
      to: {},
    },
    {
      name: 'library-has-no-dependency',
      comment: 'Its files run as they are in Node and in a browser.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/cli/', tests] },
      to: {
        dependencyTypes: [
          'core',
          'npm',
          'npm-dev',
          'npm-no-pkg',
          'npm-optional',
          'npm-peer',
          'npm-unknown',
          'unknown',
        ],
      },
    },
    {
      name: 'sources-import-no-test',
      severity: 'error',
      from: { path: '^src/', pathNot: tests },
      to: { path: [tests, '^(test|bench|examples|scripts)/'] },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, pathNot: tests },
      to: {},
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    exclude: { path: '^src/kernels/assembly' },
    doNotFollow: { path: 'node_modules' },
  },
};
