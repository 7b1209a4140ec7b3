// A room imports only from rooms before it on the path that data takes.
const path = ['io', 'kernels', 'weights', 'scores', 'universal-set', 'attention', 'cli'];

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, pathNot: '(\\.test\\.ts$|^src/kernels/(assembly|generated)/)' }, to: {} },
    ...path.map((room, i) => ({
      name: `${room}-looks-back-only`,
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: { path: `^src/(${[...path.slice(i + 1), 'index\\.ts'].join('|')})` },
    })),
    {
      name: 'foundation-imports-no-room',
      severity: 'error',
      from: { path: '^src/(keys|steps)\\.ts$' },
      to: { path: `^src/(${path.join('|')})/` },
    },
    {
      name: 'library-has-no-dependency',
      severity: 'error',
      from: { path: '^src/', pathNot: '(^src/cli/|\\.test\\.ts$)' },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'core'] },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    exclude: { path: '^src/kernels/assembly' },
    doNotFollow: { path: 'node_modules' },
  },
};
