// Runs the hash on values that hurt; main returns the number of wrong results. The chunks of two values:
//   0: +0, -0           code 3: both zeros are non-negative; magnitude 0, probability 1/4 exactly, because exp(0) is 1
//   1: -subnormal, 1    code 1
//   2: NaN, 64          code 1, the scores are NaN
//   3: 1e36, -1e36      code 2; every exponential underflows: magnitude 2e36, probability 1 exactly
//   4: inf, -64         code 2; magnitude inf
//   5: -1, -3           code 0
// Six chunks are a vector of four and one of two; a second run with one lane gives the same bits.
// REQUIRES: x86_64
// RUN: mf-opt %s --mf-lower-to-llvm-pipeline | mlir-translate --mlir-to-llvmir | lli

memref.global "private" constant @x : memref<1x12xf32> = dense<[[0.0, -0.0, -1.0e-40, 1.0, 0x7FC00000, 64.0,
    1.0e36, -1.0e36, 0x7F800000, -64.0, -1.0, -3.0]]>
memref.global "private" constant @codes : memref<1x6xi8> = dense<[[3, 1, 1, 2, 2, 0]]>

func.func private @run(%x: memref<1x12xf32>, %c: memref<1x6xi8>, %m: memref<1x6xf32>, %p: memref<1x6xf32>) {
  mf.hash magnitude bits(2) strategy(#mf.cpu_hash<tokens = 16, tables = 4>)
      ins(%x : memref<1x12xf32>) outs(%c, %m : memref<1x6xi8>, memref<1x6xf32>)
  mf.hash probability bits(2) strategy(#mf.cpu_hash<tokens = 16, tables = 4>)
      ins(%x : memref<1x12xf32>) outs(%c, %p : memref<1x6xi8>, memref<1x6xf32>)
  return
}

func.func private @run_scalar(%x: memref<1x12xf32>, %c: memref<1x6xi8>, %m: memref<1x6xf32>, %p: memref<1x6xf32>) {
  mf.hash magnitude bits(2) strategy(#mf.cpu_hash<tokens = 16, tables = 1>)
      ins(%x : memref<1x12xf32>) outs(%c, %m : memref<1x6xi8>, memref<1x6xf32>)
  mf.hash probability bits(2) strategy(#mf.cpu_hash<tokens = 16, tables = 1>)
      ins(%x : memref<1x12xf32>) outs(%c, %p : memref<1x6xi8>, memref<1x6xf32>)
  return
}

// The number of elements of `a` and `b` whose bits differ.
func.func private @differences(%a: memref<1x6xf32>, %b: memref<1x6xf32>) -> i32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c6 = arith.constant 6 : index
  %none = arith.constant 0 : i32
  %count = scf.for %i = %c0 to %c6 step %c1 iter_args(%n = %none) -> i32 {
    %x = memref.load %a[%c0, %i] : memref<1x6xf32>
    %y = memref.load %b[%c0, %i] : memref<1x6xf32>
    %u = arith.bitcast %x : f32 to i32
    %v = arith.bitcast %y : f32 to i32
    %differs = arith.cmpi ne, %u, %v : i32
    %one = arith.extui %differs : i1 to i32
    %next = arith.addi %n, %one : i32
    scf.yield %next : i32
  }
  return %count : i32
}

// 1 where element %i of %a is not %value.
func.func private @is_not(%a: memref<1x6xf32>, %i: index, %value: f32) -> i32 {
  %c0 = arith.constant 0 : index
  %x = memref.load %a[%c0, %i] : memref<1x6xf32>
  %differs = arith.cmpf une, %x, %value : f32
  %one = arith.extui %differs : i1 to i32
  return %one : i32
}

func.func @main() -> i32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %c6 = arith.constant 6 : index
  %x = memref.get_global @x : memref<1x12xf32>
  %expected = memref.get_global @codes : memref<1x6xi8>
  %c = memref.alloca() : memref<1x6xi8>
  %m = memref.alloca() : memref<1x6xf32>
  %p = memref.alloca() : memref<1x6xf32>
  %ms = memref.alloca() : memref<1x6xf32>
  %ps = memref.alloca() : memref<1x6xf32>
  func.call @run_scalar(%x, %c, %ms, %ps)
      : (memref<1x12xf32>, memref<1x6xi8>, memref<1x6xf32>, memref<1x6xf32>) -> ()
  func.call @run(%x, %c, %m, %p) : (memref<1x12xf32>, memref<1x6xi8>, memref<1x6xf32>, memref<1x6xf32>) -> ()

  %0 = func.call @differences(%m, %ms) : (memref<1x6xf32>, memref<1x6xf32>) -> i32
  %1 = func.call @differences(%p, %ps) : (memref<1x6xf32>, memref<1x6xf32>) -> i32
  %2 = arith.addi %0, %1 : i32
  %3 = scf.for %i = %c0 to %c6 step %c1 iter_args(%n = %2) -> i32 {
    %u = memref.load %c[%c0, %i] : memref<1x6xi8>
    %v = memref.load %expected[%c0, %i] : memref<1x6xi8>
    %differs = arith.cmpi ne, %u, %v : i8
    %one = arith.extui %differs : i1 to i32
    %next = arith.addi %n, %one : i32
    scf.yield %next : i32
  }

  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %quarter = arith.constant 0.25 : f32
  %huge = arith.constant 2.0e36 : f32
  %inf = arith.constant 0x7F800000 : f32
  %m0 = func.call @is_not(%m, %c0, %zero) : (memref<1x6xf32>, index, f32) -> i32
  %p0 = func.call @is_not(%p, %c0, %quarter) : (memref<1x6xf32>, index, f32) -> i32
  %m3 = func.call @is_not(%m, %c3, %huge) : (memref<1x6xf32>, index, f32) -> i32
  %p3 = func.call @is_not(%p, %c3, %one) : (memref<1x6xf32>, index, f32) -> i32
  %m4 = func.call @is_not(%m, %c4, %inf) : (memref<1x6xf32>, index, f32) -> i32
  %nan = memref.load %m[%c0, %c2] : memref<1x6xf32>
  %is_number = arith.cmpf ord, %nan, %nan : f32
  %m2 = arith.extui %is_number : i1 to i32
  %4 = arith.addi %3, %m0 : i32
  %5 = arith.addi %4, %p0 : i32
  %6 = arith.addi %5, %m3 : i32
  %7 = arith.addi %6, %p3 : i32
  %8 = arith.addi %7, %m4 : i32
  %9 = arith.addi %8, %m2 : i32
  return %9 : i32
}
