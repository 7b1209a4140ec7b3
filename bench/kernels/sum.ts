/** The sum of float32 numbers, in eight vectors that do not wait for each other: as fast as they come from memory. */

/** count is a multiple of 32. */
export function sum(numbers: usize, count: usize): f32 {
  let s0 = f32x4.splat(0);
  let s1 = f32x4.splat(0);
  let s2 = f32x4.splat(0);
  let s3 = f32x4.splat(0);
  let s4 = f32x4.splat(0);
  let s5 = f32x4.splat(0);
  let s6 = f32x4.splat(0);
  let s7 = f32x4.splat(0);
  for (const end = numbers + (count << 2); numbers < end; numbers += 128) {
    s0 = f32x4.add(s0, v128.load(numbers));
    s1 = f32x4.add(s1, v128.load(numbers, 16));
    s2 = f32x4.add(s2, v128.load(numbers, 32));
    s3 = f32x4.add(s3, v128.load(numbers, 48));
    s4 = f32x4.add(s4, v128.load(numbers, 64));
    s5 = f32x4.add(s5, v128.load(numbers, 80));
    s6 = f32x4.add(s6, v128.load(numbers, 96));
    s7 = f32x4.add(s7, v128.load(numbers, 112));
  }
  s0 = f32x4.add(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)), f32x4.add(f32x4.add(s4, s5), f32x4.add(s6, s7)));
  return (
    f32x4.extract_lane(s0, 0) +
    f32x4.extract_lane(s0, 1) +
    f32x4.extract_lane(s0, 2) +
    f32x4.extract_lane(s0, 3)
  );
}
