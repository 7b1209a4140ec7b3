/** Which kernels are used, and when they are compiled. */
import { afterEach, describe, expect, it, vi } from 'vitest';

const fresh = () => import('./load.js');

describe('kernels', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
    vi.resetModules();
  });

  it('are WASM SIMD where the engine has it, compiled at first use and once', async () => {
    const validate = vi.spyOn(WebAssembly, 'validate');
    const { kernels } = await fresh();
    expect(validate).not.toHaveBeenCalled();
    expect(kernels().name).toBe('wasm-simd');
    expect(kernels()).toBe(kernels());
    expect(validate).toHaveBeenCalledTimes(1);
  });

  it('are the reference where there is no WebAssembly, or none with SIMD', async () => {
    vi.stubGlobal('WebAssembly', undefined);
    expect((await fresh()).kernels().name).toBe('reference');
    vi.unstubAllGlobals();
    vi.resetModules();
    vi.spyOn(WebAssembly, 'validate').mockReturnValue(false);
    expect((await fresh()).kernels().name).toBe('reference');
  });

  it('can be replaced, and put back', async () => {
    const { kernels, useKernels } = await fresh();
    const { referenceKernels } = await import('./reference.js');
    const before = useKernels(referenceKernels);
    expect(before.name).toBe('wasm-simd');
    expect(kernels()).toBe(referenceKernels);
    expect(useKernels(before)).toBe(referenceKernels);
    expect(kernels()).toBe(before);
  });
});
