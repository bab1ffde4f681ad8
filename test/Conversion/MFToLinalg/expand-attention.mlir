// The three forms of linear attention.
// RUN: mf-opt %s --mf-expand-attention=form=quadratic --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,QUADRATIC
// RUN: mf-opt %s --mf-expand-attention --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,CHUNKED
// RUN: mf-opt %s --mf-expand-attention=form=recurrent --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,RECURRENT
// RUN: mf-opt %s --mf-convert-attention-form=form=quadratic --mf-expand-attention --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,QUADRATIC
// RUN: mf-opt %s --mf-convert-attention-form=form=recurrent --mf-expand-attention --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,RECURRENT
// RUN: mf-opt %s --mf-convert-attention-form=form=quadratic --mf-expand-attention=without-kernel --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,QUADRATIC
// RUN: mf-opt %s --mf-convert-attention-form=form=recurrent --mf-expand-attention=without-kernel | FileCheck %s --check-prefix=KERNEL

// KERNEL-LABEL: func.func @causal(
// KERNEL: mf.linear_attention causal
// KERNEL-LABEL: func.func @full(
// KERNEL: mf.linear_attention

// CHUNKED: #[[SIZE:.*]] = affine_map<()[s0, s1] -> (16, s0 - s1)>
// CHECK-LABEL: func.func @causal(
// CHECK-SAME: %[[Q:.*]]: tensor<?x2x8xf32>, %[[V:.*]]: tensor<?x2x6xf32>
// CHECK: scf.forall (%[[H:.*]]) in (2)
// CHECK: %[[T:.*]] = tensor.dim %[[Q]], %c0
// CHECK: tensor.extract_slice %[[Q]][0, %[[H]], 0] [%[[T]], 1, 8]
// All weights at once: no loop over tokens.
// QUADRATIC-NOT: scf.for
// QUADRATIC: tensor.empty(%{{.*}}, %{{.*}}) : tensor<?x?xf32>
// QUADRATIC: arith.cmpi ule
// The sums go from chunk to chunk.
// CHUNKED: scf.for %[[FIRST:.*]] = %c0 to %{{.*}} step %c16 iter_args({{.*}}) -> (tensor<8x6xf32>, tensor<8xf32>, tensor<?x6xf32>)
// CHUNKED: affine.min #[[SIZE]]()
// CHUNKED: scf.yield
// RECURRENT: scf.for %[[FIRST:.*]] = %c0 to %{{.*}} step %c1 iter_args({{.*}}) -> (tensor<8x6xf32>, tensor<8xf32>, tensor<?x6xf32>)
// RECURRENT: tensor.extract_slice %{{.*}}[%[[FIRST]], 0] [1, 8] [1, 1]
// RECURRENT: scf.yield
// CHECK: tensor.parallel_insert_slice %{{.*}} into %{{.*}}[0, %[[H]], 0]
// CHECK-NOT: mf.linear_attention
func.func @causal(%q: tensor<?x2x8xf32>, %v: tensor<?x2x6xf32>) -> tensor<?x2x6xf32> {
  %0 = mf.linear_attention causal features(#mf.elu_features) chunk(16)
      ins(%q, %q, %v : tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x6xf32>) outs(%v : tensor<?x2x6xf32>)
      -> tensor<?x2x6xf32>
  return %0 : tensor<?x2x6xf32>
}

// Without a mask the sums of all keys come first. Of exponential features, their maximum goes along.
// CHECK-LABEL: func.func @full(
// QUADRATIC-NOT: arith.cmpi
// CHUNKED: %[[SUMS:.*]]:3 = scf.for {{.*}} -> (tensor<12x6xf32>, tensor<12xf32>, f32)
// CHUNKED: linalg.generic {{.*}} ins(%{{.*}}, %[[SUMS]]#0
// RECURRENT: %[[SUMS:.*]]:3 = scf.for {{.*}} -> (tensor<12x6xf32>, tensor<12xf32>, f32)
// RECURRENT: linalg.generic {{.*}} ins(%{{.*}}, %[[SUMS]]#0
// CHECK-NOT: mf.linear_attention
func.func @full(%q: tensor<?x2x8xf32>, %v: tensor<?x2x6xf32>, %w: tensor<12x8xf32>) -> tensor<?x2x6xf32> {
  %0 = mf.linear_attention features(#mf.favor_features<kind = softmax>) chunk(16)
      ins(%q, %q, %v : tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x6xf32>) projection(%w : tensor<12x8xf32>)
      outs(%v : tensor<?x2x6xf32>) -> tensor<?x2x6xf32>
  return %0 : tensor<?x2x6xf32>
}

// Other attention stays.
// CHECK-LABEL: func.func @exact(
// CHECK: mf.attention
func.func @exact(%q: tensor<?x2x8xf32>) -> tensor<?x2x8xf32> {
  %0 = mf.attention causal scale(0.125) ins(%q, %q, %q : tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>)
      outs(%q : tensor<?x2x8xf32>) -> tensor<?x2x8xf32>
  return %0 : tensor<?x2x8xf32>
}
