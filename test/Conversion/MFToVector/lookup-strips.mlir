// The lookup of tables in strips, with the dot products of each target.
// RUN: mf-opt %s --convert-mf-to-vector --canonicalize --cse --split-input-file | FileCheck %s

// Few tokens: rows and scales are prefetched into the second-level cache, sums stay in registers. Many: the next block goes to the second-level cache, sums
// wait in scratch between two blocks of 4 tables.
// CHECK-LABEL: func.func @i8(
// CHECK-SAME: %[[C:.*]]: memref<?x8xi8>, %{{.*}}: memref<?x8xi8>, %[[SS:.*]]: memref<?xf32>, %[[T:.*]]: memref<1x8x16x64xi8>, %[[TS:.*]]: memref<64xf32>, %[[Y:.*]]: memref<?x64xf32>, %[[W:.*]]: memref<1x?x64xi32>)
// CHECK: %[[FEW:.*]] = arith.cmpi slt, %{{.*}}, %c4
// CHECK: scf.if %[[FEW]]
// CHECK: memref.prefetch %[[T]][{{.*}}], read, locality<2>, data
// CHECK: memref.prefetch %[[TS]][{{.*}}], read, locality<2>, data
// CHECK: "llvm.x86.avx512.vpdpbusd.512"
// CHECK-NOT: %[[W]]
// CHECK: } else {
// CHECK: memref.prefetch %[[T]][{{.*}}], read, locality<2>, data
// CHECK: memref.prefetch %[[T]][{{.*}}], read, locality<3>, data
// CHECK-COUNT-4: "llvm.x86.avx512.vpdpbusd.512"
// CHECK-COUNT-4: vector.store %{{.*}}, %[[W]]
// CHECK-COUNT-4: vector.load %[[W]]
// CHECK-COUNT-4: "llvm.x86.avx512.vpdpbusd.512"
// CHECK: arith.sitofp
// CHECK: vector.load %[[TS]]
// CHECK: vector.store %{{.*}}, %[[Y]]
module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4",
    features = "+avx2,+avx512bw,+avx512vl,+avx512vnni", vector_bits = 512, fma = true, l1_bytes = 32768, l2_bytes = 524288>} {
func.func @i8(%c: memref<?x8xi8>, %s: memref<?x8xi8>, %ss: memref<?xf32>, %t: memref<1x8x16x64xi8>, %ts: memref<64xf32>,
                %y: memref<?x64xf32>, %w: memref<1x?x64xi32>) {
  mf.lookup layout(<strip_columns = 64>) strategy(#mf.cpu_strips<strips = 1, tables = 4, row_bytes = 64, ahead = 1, named_tokens = 0, gather_tokens = 4, gather_ahead = 4, lanes = 16>)
      ins(%c, %s : memref<?x8xi8>, memref<?x8xi8>) score_scales(%ss : memref<?xf32>) tables(%t : memref<1x8x16x64xi8>)
      table_scales(%ts : memref<64xf32>) outs(%y : memref<?x64xf32>) scratch(%w : memref<1x?x64xi32>)
  return
}
}

// -----

// CHECK-LABEL: func.func @i8(
// CHECK-NOT: vpdpbusd
// CHECK: "llvm.x86.avx512.pmaddubs.w.512"
// CHECK: "llvm.x86.avx512.pmaddw.d.512"
module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4",
    features = "+avx2,+avx512bw,+avx512vl", vector_bits = 512, fma = true, l1_bytes = 32768, l2_bytes = 524288>} {
func.func @i8(%c: memref<?x8xi8>, %s: memref<?x8xi8>, %ss: memref<?xf32>, %t: memref<1x8x16x64xi8>, %ts: memref<64xf32>,
                %y: memref<?x64xf32>, %w: memref<1x?x64xi32>) {
  mf.lookup layout(<strip_columns = 64>) strategy(#mf.cpu_strips<strips = 1, tables = 4, row_bytes = 64, ahead = 1, named_tokens = 0, gather_tokens = 4, gather_ahead = 4, lanes = 16>)
      ins(%c, %s : memref<?x8xi8>, memref<?x8xi8>) score_scales(%ss : memref<?xf32>) tables(%t : memref<1x8x16x64xi8>)
      table_scales(%ts : memref<64xf32>) outs(%y : memref<?x64xf32>) scratch(%w : memref<1x?x64xi32>)
  return
}
}

// -----

// CHECK-LABEL: func.func @i8(
// CHECK: "llvm.x86.avx2.pmadd.ub.sw"
// CHECK: "llvm.x86.avx2.pmadd.wd"
module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3",
    features = "+avx2", vector_bits = 256, fma = true, l1_bytes = 32768, l2_bytes = 524288>} {
func.func @i8(%c: memref<?x8xi8>, %s: memref<?x8xi8>, %ss: memref<?xf32>, %t: memref<1x8x16x64xi8>, %ts: memref<64xf32>,
                %y: memref<?x64xf32>, %w: memref<1x?x64xi32>) {
  mf.lookup layout(<strip_columns = 64>) strategy(#mf.cpu_strips<strips = 1, tables = 4, row_bytes = 64, ahead = 1, named_tokens = 0, gather_tokens = 4, gather_ahead = 4, lanes = 8>)
      ins(%c, %s : memref<?x8xi8>, memref<?x8xi8>) score_scales(%ss : memref<?xf32>) tables(%t : memref<1x8x16x64xi8>)
      table_scales(%ts : memref<64xf32>) outs(%y : memref<?x64xf32>) scratch(%w : memref<1x?x64xi32>)
  return
}
}

// -----

// CHECK-LABEL: func.func @i8(
// CHECK: "llvm.x86.ssse3.pmadd.ub.sw.128"
// CHECK: "llvm.x86.sse2.pmadd.wd"
module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v2",
    features = "+ssse3", vector_bits = 128, fma = false, l1_bytes = 32768, l2_bytes = 524288>} {
func.func @i8(%c: memref<?x8xi8>, %s: memref<?x8xi8>, %ss: memref<?xf32>, %t: memref<1x8x16x64xi8>, %ts: memref<64xf32>,
                %y: memref<?x64xf32>, %w: memref<1x?x64xi32>) {
  mf.lookup layout(<strip_columns = 64>) strategy(#mf.cpu_strips<strips = 1, tables = 4, row_bytes = 64, ahead = 1, named_tokens = 0, gather_tokens = 4, gather_ahead = 4, lanes = 4>)
      ins(%c, %s : memref<?x8xi8>, memref<?x8xi8>) score_scales(%ss : memref<?xf32>) tables(%t : memref<1x8x16x64xi8>)
      table_scales(%ts : memref<64xf32>) outs(%y : memref<?x64xf32>) scratch(%w : memref<1x?x64xi32>)
  return
}
}

// -----

// CHECK-LABEL: func.func @i8(
// CHECK: "llvm.aarch64.neon.smull.v8i16"
// CHECK: "llvm.aarch64.neon.saddlp.v4i32.v8i16"
// CHECK: "llvm.aarch64.neon.addp.v4i32"
module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "aarch64-unknown-linux-gnu", cpu = "generic",
    features = "+neon", vector_bits = 128, fma = true, l1_bytes = 32768, l2_bytes = 524288>} {
func.func @i8(%c: memref<?x8xi8>, %s: memref<?x8xi8>, %ss: memref<?xf32>, %t: memref<1x8x16x64xi8>, %ts: memref<64xf32>,
                %y: memref<?x64xf32>, %w: memref<1x?x64xi32>) {
  mf.lookup layout(<strip_columns = 64>) strategy(#mf.cpu_strips<strips = 1, tables = 4, row_bytes = 64, ahead = 1, named_tokens = 0, gather_tokens = 4, gather_ahead = 4, lanes = 4>)
      ins(%c, %s : memref<?x8xi8>, memref<?x8xi8>) score_scales(%ss : memref<?xf32>) tables(%t : memref<1x8x16x64xi8>)
      table_scales(%ts : memref<64xf32>) outs(%y : memref<?x64xf32>) scratch(%w : memref<1x?x64xi32>)
  return
}
}

// -----

// Codes and scores are copied, 16 tokens' at a time, and read from the copies by all blocks.
// CHECK-LABEL: func.func @copies(
// CHECK-SAME: %[[C:.*]]: memref<?x8xi8>, %[[S:.*]]: memref<?x8xi8>, {{.*}} %[[PC:.*]]: memref<2x?x4xi8>, %[[PS:.*]]: memref<2x?x4xi8>)
// CHECK: } else {
// CHECK-COUNT-16: vector.store %{{.*}}, %[[PC]][%c0
// CHECK-COUNT-16: vector.store %{{.*}}, %[[PC]][%c1
// CHECK-COUNT-16: vector.store %{{.*}}, %[[PS]][%c0
// CHECK: vector.load %[[PS]][%c0
// CHECK: memref.load %[[PC]][%c0
// CHECK-NOT: memref.load %[[C]]
// CHECK-NOT: vector.load %[[S]]
// CHECK: vector.load %[[PS]][%c1
// CHECK: memref.load %[[PC]][%c1
module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4",
    features = "+avx2,+avx512bw,+avx512vl,+avx512vnni", vector_bits = 512, fma = true, l1_bytes = 32768, l2_bytes = 524288>} {
func.func @copies(%c: memref<?x8xi8>, %s: memref<?x8xi8>, %ss: memref<?xf32>, %t: memref<1x8x16x64xi8>, %ts: memref<64xf32>,
                  %y: memref<?x64xf32>, %w: memref<1x?x64xi32>, %pc: memref<2x?x4xi8>, %ps: memref<2x?x4xi8>) {
  mf.lookup layout(<strip_columns = 64>) strategy(#mf.cpu_strips<strips = 1, tables = 4, row_bytes = 64, ahead = 0, named_tokens = 0, gather_tokens = 4, gather_ahead = 4, lanes = 16>)
      ins(%c, %s : memref<?x8xi8>, memref<?x8xi8>) score_scales(%ss : memref<?xf32>) tables(%t : memref<1x8x16x64xi8>)
      table_scales(%ts : memref<64xf32>) outs(%y : memref<?x64xf32>)
      scratch(%w, %pc, %ps : memref<1x?x64xi32>, memref<2x?x4xi8>, memref<2x?x4xi8>)
  return
}
}

// -----

// Pruned tables: rows are told by their numbers alone, and a block that is brought along is where it would be if all
// chunks had as many rows, 125 of 500.
// CHECK-LABEL: func.func @shared_rows(
// CHECK-SAME: %[[C:.*]]: memref<?x4xi16>, %{{.*}}: memref<?x4xf32>, %[[T:.*]]: memref<2x1x500x16xf32>
// CHECK: memref.prefetch %[[T]][%{{.*}}, %c0, %{{.*}}, %c0], read, locality<2>, data
// CHECK: vector.load %[[T]][%{{.*}}, %c0, %{{.*}}, %c0]
// CHECK: } else {
// CHECK: memref.prefetch %[[T]][%{{.*}}, %c0, %{{.*}}, %c0], read, locality<2>, data
func.func @shared_rows(%c: memref<?x4xi16>, %s: memref<?x4xf32>, %t: memref<2x1x500x16xf32>, %y: memref<?x32xf32>, %w: memref<1x?x16xi32>) {
  mf.lookup layout(<strip_columns = 16>) strategy(#mf.cpu_strips<strips = 1, tables = 4, row_bytes = 64, ahead = 1, named_tokens = 0, gather_tokens = 4, gather_ahead = 4, lanes = 16>)
      ins(%c, %s : memref<?x4xi16>, memref<?x4xf32>) tables(%t : memref<2x1x500x16xf32>) outs(%y : memref<?x32xf32>) scratch(%w : memref<1x?x16xi32>)
  return
}

// -----

// Rows in two passes, two sets: while one part of a row passes, the next is on its way; then come the next block, the
// next set, the next strip. Below `named_tokens` tokens codes say which rows. Pairs of i4 are multiplied as whole bytes.
// CHECK-LABEL: func.func @passes(
// CHECK-SAME: %[[T:[a-z0-9]*]]: memref<2x8x256x128xi8>, %[[U:[a-z0-9]*]]: memref<2x8x256x128xi8>
// CHECK: scf.for %[[STRIP:.*]] = %c0 to %c2
// CHECK: } else {
// CHECK: scf.for %[[STRIP:.*]] = %c0 to %c2
// Block 0, pass 0: the other part of it. Pass 1: block 1.
// CHECK: arith.cmpi slt, %{{.*}}, %c32
// CHECK: scf.for %[[TABLE:.*]] = %c0 to %c4
// CHECK: memref.load %arg{{.*}}[%c0, %{{.*}}, %[[TABLE]]] : memref<2x?x4xi8>
// CHECK: memref.prefetch %[[T]][%[[STRIP]], %[[TABLE]], %{{.*}}, %c64], read, locality<2>
// CHECK: } else {
// CHECK: memref.prefetch %[[T]][%[[STRIP]], %c0, %{{.*}}, %c64], read, locality<2>
// CHECK-COUNT-4: arith.andi %{{.*}} : vector<64xi8>
// CHECK: memref.prefetch %[[T]][%[[STRIP]], %c4, %{{.*}}, %c0], read, locality<2>
// Block 1.
// CHECK: memref.prefetch %[[T]][%[[STRIP]], %c4, %{{.*}}, %c64], read, locality<2>
// CHECK: memref.prefetch %[[U]][%[[STRIP]], %c0, %{{.*}}, %c0], read, locality<2>
// CHECK: arith.shrui %{{.*}} : vector<16xi32>
// The second set ends with the next strip of the first.
// CHECK: memref.prefetch %[[U]][%[[STRIP]], %c4, %{{.*}}, %c64], read, locality<2>
// CHECK: %[[NEXT:.*]] = arith.addi %[[STRIP]], %c1
// CHECK: memref.prefetch %[[T]][%[[NEXT]], %c0, %{{.*}}, %c0], read, locality<2>
module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4",
    features = "+avx2,+avx512bw,+avx512vl,+avx512vnni", vector_bits = 512, fma = true, l1_bytes = 32768, l2_bytes = 524288>} {
func.func @passes(%t: memref<2x8x256x128xi8>, %u: memref<2x8x256x128xi8>, %c: memref<?x8xi8>, %s: memref<?x8xi8>, %ss: memref<?xf32>,
                  %ts: memref<512xf32>, %y: memref<?x512xf32>, %z: memref<?x512xf32>, %w: memref<2x?x128xi32>,
                  %pc: memref<2x?x4xi8>, %ps: memref<2x?x4xi8>) {
  mf.lookup layout(<strip_columns = 256, columns_per_byte = 2>) strategy(#mf.cpu_strips<strips = 1, tables = 4, row_bytes = 64, ahead = 0, named_tokens = 32, gather_tokens = 4, gather_ahead = 4, lanes = 16>)
      ins(%c, %s : memref<?x8xi8>, memref<?x8xi8>) score_scales(%ss : memref<?xf32>)
      tables(%t, %u : memref<2x8x256x128xi8>, memref<2x8x256x128xi8>) table_scales(%ts, %ts : memref<512xf32>, memref<512xf32>)
      outs(%y, %z : memref<?x512xf32>, memref<?x512xf32>)
      scratch(%w, %pc, %ps : memref<2x?x128xi32>, memref<2x?x4xi8>, memref<2x?x4xi8>)
  return
}
}
