// Attention over caches of bf16 in pairs: dot products where the target has them, else products of f32; writes to them.
// RUN: mf-opt %s --convert-mf-to-vector --canonicalize --cse --split-input-file | FileCheck %s

// Queries and weights are of bf16, rounded by an instruction; sums are of f32.
// CHECK-LABEL: func.func @x86(
// CHECK-SAME: %{{.*}}: memref<?x1x8xf32>, %[[K:.*]]: memref<?x1x?x8xbf16>, %[[V:.*]]: memref<?x1x?x4xbf16>
// CHECK-DAG: memref.alloca() {{.*}} : memref<2x16xf32>
// CHECK-DAG: %[[WEIGHTS:.*]] = memref.alloca() {{.*}} : memref<2x16xbf16>
// CHECK-DAG: %[[Q:.*]] = memref.alloca() {{.*}} : memref<2x8xbf16>
// CHECK-DAG: %[[KEYS:.*]] = memref.collapse_shape %[[K]]
// CHECK-DAG: %[[VALUES:.*]] = memref.collapse_shape %[[V]]
// CHECK: arith.truncf %{{.*}} : vector<8xf32> to vector<8xbf16>
// CHECK: vector.load %[[KEYS]][{{.*}}] : memref<?x1x?xbf16>, vector<32xbf16>
// CHECK: vector.load %[[Q]][{{.*}}] : memref<2x8xbf16>, vector<2xbf16>
// CHECK: "llvm.x86.avx512bf16.dpbf16ps.512"(%{{.*}}) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
// CHECK: arith.truncf %{{.*}} : vector<16xf32> to vector<16xbf16>
// CHECK: vector.store %{{.*}}, %[[WEIGHTS]]
// Blocks that are seen whole have no last key.
// CHECK: vector.load %[[VALUES]][{{.*}}] : memref<?x1x?xbf16>, vector<8xbf16>
// CHECK: vector.load %[[WEIGHTS]][{{.*}}] : memref<2x16xbf16>, vector<2xbf16>
// CHECK: "llvm.x86.avx512bf16.dpbf16ps.128"
// CHECK: } else {
// The neighbour of an odd number's last key is taken as 0.
// CHECK: arith.cmpi ne
// CHECK: scf.if
// CHECK: arith.andi %{{.*}}, %{{.*}} : vector<4xi32>
// CHECK: "llvm.x86.avx512bf16.dpbf16ps.128"
module attributes {mf.target = #mf.cpu_target<variant = "v", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4",
    features = "+avx2,+avx512bw,+avx512vl,+avx512bf16", vector_bits = 512, fma = true, l1_bytes = 32768, l2_bytes = 1048576>} {
  func.func @x86(%q: memref<?x1x8xf32>, %k: memref<?x1x?x8xbf16>, %v: memref<?x1x?x4xbf16>, %s: memref<?xi32>,
                 %p: memref<?xi32>, %y: memref<?x1x4xf32>) {
    mf.cached_attention scale(0.5) layout(<keys = 16, features = 2>) values_layout(<keys = 2>)
        strategy(#mf.cpu_flash<queries = 2, keys = 16, rows = 2, vectors = 1, lanes = 16>)
        ins(%q, %k, %v, %s, %p : memref<?x1x8xf32>, memref<?x1x?x8xbf16>, memref<?x1x?x4xbf16>, memref<?xi32>,
            memref<?xi32>)
        outs(%y : memref<?x1x4xf32>)
    return
  }
}

// -----

// CHECK-LABEL: func.func @aarch64(
// CHECK: "llvm.aarch64.neon.bfdot.v4f32.v8bf16"(%{{.*}}) : (vector<4xf32>, vector<8xbf16>, vector<8xbf16>) -> vector<4xf32>
module attributes {mf.target = #mf.cpu_target<variant = "v", triple = "aarch64-unknown-linux-gnu", cpu = "generic",
    features = "+neon,+bf16", vector_bits = 128, fma = true, l1_bytes = 65536, l2_bytes = 1048576>} {
  func.func @aarch64(%q: memref<?x1x8xf32>, %k: memref<?x1x?x8xbf16>, %v: memref<?x1x?x4xbf16>, %s: memref<?xi32>,
                     %p: memref<?xi32>, %y: memref<?x1x4xf32>) {
    mf.cached_attention scale(0.5) layout(<keys = 16, features = 2>) values_layout(<keys = 2>)
        strategy(#mf.cpu_flash<queries = 2, keys = 16, rows = 2, vectors = 1, lanes = 4>)
        ins(%q, %k, %v, %s, %p : memref<?x1x8xf32>, memref<?x1x?x8xbf16>, memref<?x1x?x4xbf16>, memref<?xi32>,
            memref<?xi32>)
        outs(%y : memref<?x1x4xf32>)
    return
  }
}

// -----

// Without the instruction: queries and weights of f32, both halves of a pair extended by a shift and a mask.
// CHECK-LABEL: func.func @plain(
// CHECK-NOT: memref.alloca() {{.*}}xbf16>
// CHECK: vector.load %{{.*}} : memref<?x1x?xbf16>, vector<16xbf16>
// CHECK: arith.shli %{{.*}} : vector<8xi32>
// CHECK: arith.andi %{{.*}} : vector<8xi32>
// CHECK-COUNT-2: math.fma %{{.*}} : vector<8xf32>
// CHECK-NOT: llvm.x86
module attributes {mf.target = #mf.cpu_target<variant = "v", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3",
    features = "+avx2,+fma", vector_bits = 256, fma = true, l1_bytes = 32768, l2_bytes = 524288>} {
  func.func @plain(%q: memref<?x1x8xf32>, %k: memref<?x1x?x8xbf16>, %v: memref<?x1x?x8xbf16>, %s: memref<?xi32>,
                   %p: memref<?xi32>, %y: memref<?x1x8xf32>) {
    mf.cached_attention scale(0.5) layout(<keys = 16, features = 2>) values_layout(<keys = 2>)
        strategy(#mf.cpu_flash<queries = 2, keys = 16, rows = 1, vectors = 1, lanes = 8>)
        ins(%q, %k, %v, %s, %p : memref<?x1x8xf32>, memref<?x1x?x8xbf16>, memref<?x1x?x8xbf16>, memref<?xi32>,
            memref<?xi32>)
        outs(%y : memref<?x1x8xf32>)
    return
  }
}

// -----

// Pairs of a key's features are stored together; a value is merged with its neighbour, which stays.
// CHECK-LABEL: func.func @update(
// CHECK-SAME: %[[X:.*]]: memref<?x2x8xf32>, {{.*}}, %[[K:.*]]: memref<?x2x?x8xbf16>, %[[V:.*]]: memref<?x2x?x8xbf16>
// CHECK: %[[KEYS:.*]] = memref.collapse_shape %[[K]]
// CHECK: %[[PAIR:.*]] = vector.load %{{.*}} : memref<8xbf16>, vector<2xbf16>
// CHECK: vector.store %[[PAIR]], %[[KEYS]]
// CHECK: %[[VALUES:.*]] = memref.collapse_shape %[[V]]
// CHECK: %[[OLD:.*]] = vector.load %[[VALUES]]
// CHECK: %[[BITS:.*]] = vector.bitcast %[[OLD]] : vector<16xbf16> to vector<8xi32>
// CHECK: arith.andi %[[BITS]]
// CHECK: arith.ori
// CHECK: vector.store %{{.*}}, %[[VALUES]]
func.func @update(%x: memref<?x2x8xf32>, %s: memref<?xi32>, %p: memref<?xi32>, %k: memref<?x2x?x8xbf16>,
                  %v: memref<?x2x?x8xbf16>) {
  mf.update_state layout(<keys = 16, features = 2>) strategy(#mf.cpu_rows<tokens = 0, lanes = 8>)
      ins(%x, %s, %p : memref<?x2x8xf32>, memref<?xi32>, memref<?xi32>) outs(%k : memref<?x2x?x8xbf16>)
  mf.update_state layout(<keys = 2>) strategy(#mf.cpu_rows<tokens = 0, lanes = 8>)
      ins(%x, %s, %p : memref<?x2x8xf32>, memref<?xi32>, memref<?xi32>) outs(%v : memref<?x2x?x8xbf16>)
  return
}
