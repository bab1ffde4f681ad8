// The dense layer of few bits: the dot products of each target, corrections, scales at the end of a group.
// RUN: mf-opt %s --convert-mf-to-vector --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s

// Bytes with 128 added are what VNNI multiplies; so many times the sum of the features comes off.
// CHECK-LABEL: func.func @vnni(
// CHECK-SAME: %[[X:.*]]: memref<?x64xi8>, %[[W:.*]]: memref<1x16x32x4xi8>
// CHECK-DAG: %[[SIGNS:.*]] = arith.constant dense<-128> : vector<64xi8>
// CHECK-DAG: %[[OFFSET:.*]] = arith.constant -128 : i32
// CHECK: %[[CORRECTIONS:.*]] = memref.alloca() {{.*}} : memref<2x1xi32>
// CHECK: %[[PRODUCT:.*]] = arith.muli %{{.*}}, %[[OFFSET]] : i32
// CHECK: memref.store %[[PRODUCT]], %[[CORRECTIONS]]
// CHECK: vector.load %{{.*}} : memref<1x16x128xi8>, vector<64xi8>
// CHECK: arith.xori %{{.*}}, %[[SIGNS]] : vector<64xi8>
// CHECK-COUNT-4: "llvm.x86.avx512.vpdpbusd.512"
// CHECK: memref.load %[[CORRECTIONS]]
// CHECK: arith.sitofp
module attributes {mf.target = #mf.cpu_target<variant = "v", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4",
    features = "+avx2,+avx512bw,+avx512vl,+avx512vnni", vector_bits = 512, fma = true, l1_bytes = 32768, l2_bytes = 1048576>} {
  func.func @vnni(%x: memref<?x64xi8>, %w: memref<1x16x32x4xi8>, %xs: memref<?xf32>, %ws: memref<1x1x32xf32>, %y: memref<?x32xf32>) {
    mf.linear layout(<columns = 32, interleave = 4>)
        strategy(#mf.cpu_panel_gemm<rows = 2, columns = 32, lanes = 16, tile_rows = 2, tile_columns = 32, features = 64>)
        ins(%x, %w : memref<?x64xi8>, memref<1x16x32x4xi8>) scales(%xs, %ws : memref<?xf32>, memref<1x1x32xf32>)
        outs(%y : memref<?x32xf32>)
    return
  }
}

// -----

// Without: words, two sums for a column, nothing to correct. No prefetch: two streams.
// CHECK-LABEL: func.func @words(
// CHECK-NOT: memref.alloca
// CHECK-NOT: memref.prefetch
// CHECK: arith.extsi %{{.*}} : vector<16xi8> to vector<16xi16>
// CHECK: "llvm.x86.avx2.pmadd.wd"
// CHECK: vector.shuffle %{{.*}}, %{{.*}} [0, 2, 4, 6, 8, 10, 12, 14] : vector<8xi32>, vector<8xi32>
module attributes {mf.target = #mf.cpu_target<variant = "v", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3",
    features = "+avx2", vector_bits = 256, fma = true, l1_bytes = 32768, l2_bytes = 524288>} {
  func.func @words(%x: memref<?x64xi8>, %w: memref<1x16x32x4xi8>, %xs: memref<?xf32>, %ws: memref<1x1x32xf32>, %y: memref<?x32xf32>) {
    mf.linear layout(<columns = 32, interleave = 4>)
        strategy(#mf.cpu_panel_gemm<rows = 1, columns = 8, lanes = 8, tile_rows = 1, tile_columns = 32, features = 64>)
        ins(%x, %w : memref<?x64xi8>, memref<1x16x32x4xi8>) scales(%xs, %ws : memref<?xf32>, memref<1x1x32xf32>)
        outs(%y : memref<?x32xf32>)
    return
  }
}

// -----

// Halves of bytes: 8 products in 16 bits, then one conversion for a group of 32.
// CHECK-LABEL: func.func @pairs(
// CHECK: scf.for %{{.*}} = %c0 to %c2
// CHECK-COUNT-8: "llvm.x86.avx2.pmadd.ub.sw"
// CHECK: "llvm.x86.avx2.pmadd.wd"
module attributes {mf.target = #mf.cpu_target<variant = "v", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3",
    features = "+avx2", vector_bits = 256, fma = true, l1_bytes = 32768, l2_bytes = 524288>} {
  func.func @pairs(%x: memref<?x64xi8>, %w: memref<1x8x16x4xi8>, %xs: memref<?xf32>, %ws: memref<1x2x16xf32>, %y: memref<?x16xf32>) {
    mf.linear layout(<columns = 16, interleave = 4, features_per_byte = 2>)
        strategy(#mf.cpu_panel_gemm<rows = 1, columns = 8, lanes = 8, tile_rows = 1, tile_columns = 16, features = 64>)
        ins(%x, %w : memref<?x64xi8>, memref<1x8x16x4xi8>) scales(%xs, %ws : memref<?xf32>, memref<1x2x16xf32>)
        outs(%y : memref<?x16xf32>)
    return
  }
}

// -----

// CHECK-LABEL: func.func @neon(
// CHECK: "llvm.aarch64.neon.smull.v8i16"
// CHECK: "llvm.aarch64.neon.saddlp.v4i32.v8i16"
module attributes {mf.target = #mf.cpu_target<variant = "v", triple = "aarch64-unknown-linux-gnu", cpu = "generic",
    features = "+neon", vector_bits = 128, fma = true, l1_bytes = 65536, l2_bytes = 1048576>} {
  func.func @neon(%x: memref<?x64xi8>, %w: memref<1x16x32x4xi8>, %xs: memref<?xf32>, %ws: memref<1x1x32xf32>, %y: memref<?x32xf32>) {
    mf.linear layout(<columns = 32, interleave = 4>)
        strategy(#mf.cpu_panel_gemm<rows = 1, columns = 8, lanes = 4, tile_rows = 1, tile_columns = 32, features = 64>)
        ins(%x, %w : memref<?x64xi8>, memref<1x16x32x4xi8>) scales(%xs, %ws : memref<?xf32>, memref<1x1x32xf32>)
        outs(%y : memref<?x32xf32>)
    return
  }
}

// -----

// CHECK-LABEL: func.func @dotprod(
// CHECK: "llvm.aarch64.neon.sdot.v4i32.v16i8"
module attributes {mf.target = #mf.cpu_target<variant = "v", triple = "aarch64-unknown-linux-gnu", cpu = "generic",
    features = "+neon,+dotprod", vector_bits = 128, fma = true, l1_bytes = 65536, l2_bytes = 1048576>} {
  func.func @dotprod(%x: memref<?x64xi8>, %w: memref<1x16x32x4xi8>, %xs: memref<?xf32>, %ws: memref<1x1x32xf32>, %y: memref<?x32xf32>) {
    mf.linear layout(<columns = 32, interleave = 4>)
        strategy(#mf.cpu_panel_gemm<rows = 1, columns = 8, lanes = 4, tile_rows = 1, tile_columns = 32, features = 64>)
        ins(%x, %w : memref<?x64xi8>, memref<1x16x32x4xi8>) scales(%xs, %ws : memref<?xf32>, memref<1x1x32xf32>)
        outs(%y : memref<?x32xf32>)
    return
  }
}

// -----

func.func @lanes(%x: memref<?x64xi8>, %w: memref<1x16x16x4xi8>, %xs: memref<?xf32>, %ws: memref<1x1x16xf32>, %y: memref<?x16xf32>) {
  // expected-error @below {{has panels of 16 columns; its kernel needs a multiple of the strategy's 32 lanes}}
  mf.linear layout(<columns = 16, interleave = 4>)
      strategy(#mf.cpu_panel_gemm<rows = 1, columns = 32, lanes = 32, tile_rows = 1, tile_columns = 32, features = 64>)
      ins(%x, %w : memref<?x64xi8>, memref<1x16x16x4xi8>) scales(%xs, %ws : memref<?xf32>, memref<1x1x16xf32>)
      outs(%y : memref<?x16xf32>)
  return
}
