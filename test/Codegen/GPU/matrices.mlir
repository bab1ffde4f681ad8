// Attention over caches of 16 bits for heads of several sizes and dense layers, which go to tensor cores, as PTX.
// RUN: mf-compile %s --emit=ptx --gpu-arch=sm_80 -o - | FileCheck %s

// CHECK-LABEL: .entry attention_matrix_blocks_0(
// CHECK: cp.async.cg.shared.global
// CHECK: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// CHECK: ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// CHECK-LABEL: .entry attention_matrices_
// CHECK-LABEL: .entry linear_matrices_
// CHECK: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32

module {
  func.func @heads_of_64(%q: tensor<?x8x64xf32> {mf.name = "q", mf.dims = ["tokens", "", ""]}, %keys: tensor<?x2x?x64xf16> {mf.name = "keys", mf.dims = ["sequences", "", "positions", ""]}, %values: tensor<?x2x?x64xf16> {mf.name = "values", mf.dims = ["sequences", "", "positions", ""]}, %slots: tensor<?xi32> {mf.name = "slots", mf.dims = ["tokens"]}, %places: tensor<?xi32> {mf.name = "places", mf.dims = ["tokens"]})
      -> (tensor<?x8x64xf32> {mf.name = "y", mf.dims = ["tokens", "", ""]}) {
    %axis_tokens = arith.constant 0 : index
    %dim_tokens = tensor.dim %q, %axis_tokens : tensor<?x8x64xf32>
    %axis_sequences = arith.constant 0 : index
    %dim_sequences = tensor.dim %keys, %axis_sequences : tensor<?x2x?x64xf16>
    %axis_positions = arith.constant 2 : index
    %dim_positions = tensor.dim %keys, %axis_positions : tensor<?x2x?x64xf16>
    %0 = tensor.empty(%dim_tokens) : tensor<?x8x64xf32>
    %1 = mf.cached_attention scale(0.125) ins(%q, %keys, %values, %slots, %places : tensor<?x8x64xf32>, tensor<?x2x?x64xf16>, tensor<?x2x?x64xf16>, tensor<?xi32>, tensor<?xi32>) outs(%0 : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
    return %1 : tensor<?x8x64xf32>
  }
  func.func @heads_of_96(%q: tensor<?x8x96xf32> {mf.name = "q", mf.dims = ["tokens", "", ""]}, %keys: tensor<?x2x?x96xbf16> {mf.name = "keys", mf.dims = ["sequences", "", "positions", ""]}, %values: tensor<?x2x?x96xbf16> {mf.name = "values", mf.dims = ["sequences", "", "positions", ""]}, %slots: tensor<?xi32> {mf.name = "slots", mf.dims = ["tokens"]}, %places: tensor<?xi32> {mf.name = "places", mf.dims = ["tokens"]})
      -> (tensor<?x8x96xf32> {mf.name = "y", mf.dims = ["tokens", "", ""]}) {
    %axis_tokens = arith.constant 0 : index
    %dim_tokens = tensor.dim %q, %axis_tokens : tensor<?x8x96xf32>
    %axis_sequences = arith.constant 0 : index
    %dim_sequences = tensor.dim %keys, %axis_sequences : tensor<?x2x?x96xbf16>
    %axis_positions = arith.constant 2 : index
    %dim_positions = tensor.dim %keys, %axis_positions : tensor<?x2x?x96xbf16>
    %0 = tensor.empty(%dim_tokens) : tensor<?x8x96xf32>
    %1 = mf.cached_attention scale(0.125) ins(%q, %keys, %values, %slots, %places : tensor<?x8x96xf32>, tensor<?x2x?x96xbf16>, tensor<?x2x?x96xbf16>, tensor<?xi32>, tensor<?xi32>) outs(%0 : tensor<?x8x96xf32>) -> tensor<?x8x96xf32>
    return %1 : tensor<?x8x96xf32>
  }
  func.func @heads_of_128(%q: tensor<?x8x128xf32> {mf.name = "q", mf.dims = ["tokens", "", ""]}, %keys: tensor<?x2x?x128xf16> {mf.name = "keys", mf.dims = ["sequences", "", "positions", ""]}, %values: tensor<?x2x?x128xf16> {mf.name = "values", mf.dims = ["sequences", "", "positions", ""]}, %slots: tensor<?xi32> {mf.name = "slots", mf.dims = ["tokens"]}, %places: tensor<?xi32> {mf.name = "places", mf.dims = ["tokens"]})
      -> (tensor<?x8x128xf32> {mf.name = "y", mf.dims = ["tokens", "", ""]}) {
    %axis_tokens = arith.constant 0 : index
    %dim_tokens = tensor.dim %q, %axis_tokens : tensor<?x8x128xf32>
    %axis_sequences = arith.constant 0 : index
    %dim_sequences = tensor.dim %keys, %axis_sequences : tensor<?x2x?x128xf16>
    %axis_positions = arith.constant 2 : index
    %dim_positions = tensor.dim %keys, %axis_positions : tensor<?x2x?x128xf16>
    %0 = tensor.empty(%dim_tokens) : tensor<?x8x128xf32>
    %1 = mf.cached_attention scale(0.125) ins(%q, %keys, %values, %slots, %places : tensor<?x8x128xf32>, tensor<?x2x?x128xf16>, tensor<?x2x?x128xf16>, tensor<?xi32>, tensor<?xi32>) outs(%0 : tensor<?x8x128xf32>) -> tensor<?x8x128xf32>
    return %1 : tensor<?x8x128xf32>
  }
  func.func @columns(%q: tensor<?x8x64xf32> {mf.name = "q", mf.dims = ["tokens", "", ""]}, %keys: tensor<?x2x?x64xbf16> {mf.name = "keys", mf.dims = ["sequences", "", "positions", ""]}, %values: tensor<?x2x?x64xbf16> {mf.name = "values", mf.dims = ["sequences", "", "positions", ""]}, %slots: tensor<?xi32> {mf.name = "slots", mf.dims = ["tokens"]}, %places: tensor<?xi32> {mf.name = "places", mf.dims = ["tokens"]})
      -> (tensor<?x8x64xf32> {mf.name = "y", mf.dims = ["tokens", "", ""]}) {
    %axis_tokens = arith.constant 0 : index
    %dim_tokens = tensor.dim %q, %axis_tokens : tensor<?x8x64xf32>
    %axis_sequences = arith.constant 0 : index
    %dim_sequences = tensor.dim %keys, %axis_sequences : tensor<?x2x?x64xbf16>
    %axis_positions = arith.constant 2 : index
    %dim_positions = tensor.dim %keys, %axis_positions : tensor<?x2x?x64xbf16>
    %0 = tensor.empty(%dim_tokens) : tensor<?x8x64xf32>
    %1 = mf.cached_attention scale(0.125) layout(<keys = 16>) ins(%q, %keys, %values, %slots, %places : tensor<?x8x64xf32>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?xi32>, tensor<?xi32>) outs(%0 : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
    return %1 : tensor<?x8x64xf32>
  }
  func.func @rows(%x: tensor<?x512xf32> {mf.name = "x", mf.dims = ["tokens", ""]}, %weight: tensor<100x512xf16> {mf.name = "weight", mf.dims = ["", ""]})
      -> (tensor<?x100xf32> {mf.name = "y", mf.dims = ["tokens", ""]}) {
    %axis_tokens = arith.constant 0 : index
    %dim_tokens = tensor.dim %x, %axis_tokens : tensor<?x512xf32>
    %0 = tensor.empty(%dim_tokens) : tensor<?x100xf32>
    %1 = mf.linear ins(%x, %weight : tensor<?x512xf32>, tensor<100x512xf16>) outs(%0 : tensor<?x100xf32>) -> tensor<?x100xf32>
    return %1 : tensor<?x100xf32>
  }
  func.func @rest(%x: tensor<?x72xf32> {mf.name = "x", mf.dims = ["tokens", ""]}, %weight: tensor<131x72xbf16> {mf.name = "weight", mf.dims = ["", ""]})
      -> (tensor<?x131xf32> {mf.name = "y", mf.dims = ["tokens", ""]}) {
    %axis_tokens = arith.constant 0 : index
    %dim_tokens = tensor.dim %x, %axis_tokens : tensor<?x72xf32>
    %0 = tensor.empty(%dim_tokens) : tensor<?x131xf32>
    %1 = mf.linear ins(%x, %weight : tensor<?x72xf32>, tensor<131x72xbf16>) outs(%0 : tensor<?x131xf32>) -> tensor<?x131xf32>
    return %1 : tensor<?x131xf32>
  }
}
