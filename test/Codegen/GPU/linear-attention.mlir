// The family of linear attention: strategies, scratch for the states of the heads, launches.
// RUN: mf-opt %s --mf-gpu-select-strategies=arch=sm_80 | FileCheck %s --check-prefix=STRATEGY
// RUN: mf-opt %s --mf-model-pipeline --mf-gpu-pipeline=arch=sm_80 | FileCheck %s --check-prefix=LAUNCH

// STRATEGY-LABEL: func.func @family
// STRATEGY: mf.linear_attention {{.*}}strategy(#mf.gpu_linear_attention<warps = 8, rows = 8>)
// STRATEGY: mf.linear_attention {{.*}}strategy(#mf.gpu_linear_attention<warps = 8, rows = 4>)
// STRATEGY: mf.recurrent_attention {{.*}}strategy(#mf.gpu_linear_attention<warps = 8, rows = 8>)
// STRATEGY: mf.project_sequence strategy(#mf.gpu_linear_attention<warps = 8, rows = 8>)

// A block for each head, and for each head and sequence. Queries that see all keys wait for the sums: a second kernel.
// LAUNCH-LABEL: func.func @family(
// LAUNCH-DAG: %[[HEADS:.*]] = arith.constant 2 : index
// LAUNCH-DAG: %[[ONE:.*]] = arith.constant 1 : index
// LAUNCH: gpu.launch_func @kernels::@linear_attention_0 blocks in (%[[HEADS]], %[[ONE]], %[[ONE]])
// LAUNCH: gpu.launch_func @kernels::@linear_attention_1 blocks in (%[[HEADS]], %[[ONE]], %[[ONE]])
// LAUNCH: gpu.launch_func @kernels::@linear_attention_queries_2 blocks in (%[[HEADS]], %{{.*}}, %[[ONE]])
// LAUNCH: gpu.launch_func @kernels::@recurrent_attention_4 blocks in (%[[HEADS]], %{{.*}}, %[[ONE]])
// LAUNCH: gpu.launch_func @kernels::@project_sequence_5

// Steps of a warp's search for the tokens of its sequence; a product's slices pass through workgroup memory.
// LAUNCH-LABEL: gpu.func @recurrent_attention_4
// LAUNCH-SAME: nvvm.minctasm = 1 : i32
// LAUNCH: gpu.shuffle xor {{.*}} : i32
// LAUNCH: gpu.barrier
// LAUNCH: math.fma
// LAUNCH: memref.store {{.*}}#gpu.address_space<workgroup>
func.func @family(%q: tensor<?x2x8xf32> {mf.name = "q", mf.dims = ["tokens", "", ""]},
                  %i: tensor<?xi32> {mf.name = "i", mf.dims = ["tokens"]},
                  %s: tensor<?x2x336xf32> {mf.name = "s", mf.dims = ["slots", "", ""]},
                  %w: tensor<4x32xf32> {mf.name = "w"}, %p: tensor<2000x8xf32> {mf.name = "p"})
    -> (tensor<?x2x8xf32> {mf.name = "a", mf.dims = ["tokens", "", ""]},
        tensor<?x2x8xf32> {mf.name = "b", mf.dims = ["tokens", "", ""]},
        tensor<?x2x8xf32> {mf.name = "y", mf.dims = ["tokens", "", ""]},
        tensor<?x2x336xf32> {mf.name = "new", mf.dims = ["slots", "", ""]}, tensor<4x2x8xf32> {mf.name = "c"}) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %q, %c0 : tensor<?x2x8xf32>
  %e = tensor.empty(%n) : tensor<?x2x8xf32>
  %f = tensor.empty() : tensor<4x2x8xf32>
  %a = mf.linear_attention causal features(#mf.elu_features) chunk(16)
      ins(%q, %q, %q : tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>) outs(%e : tensor<?x2x8xf32>)
      -> tensor<?x2x8xf32>
  %b = mf.linear_attention features(#mf.favor_features<kind = softmax>) chunk(16)
      ins(%q, %q, %q : tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>) projection(%p : tensor<2000x8xf32>)
      outs(%e : tensor<?x2x8xf32>) -> tensor<?x2x8xf32>
  %y, %new = mf.recurrent_attention features(#mf.elu_features) chunk(16)
      ins(%q, %q, %q, %i, %i : tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?xi32>, tensor<?xi32>)
      outs(%e, %s : tensor<?x2x8xf32>, tensor<?x2x336xf32>) -> tensor<?x2x8xf32>, tensor<?x2x336xf32>
  %c = mf.project_sequence ins(%q, %w : tensor<?x2x8xf32>, tensor<4x32xf32>) outs(%f : tensor<4x2x8xf32>)
      -> tensor<4x2x8xf32>
  return %a, %b, %y, %new, %c
      : tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x336xf32>, tensor<4x2x8xf32>
}
