// Attention over caches of 16 bits, for heads of several sizes and all layouts, and dense layers, which go to tensor cores,
// as PTX.
// RUN: mf-compile %s --emit=ptx --gpu-arch=sm_80 -o - | FileCheck %s

// CHECK-LABEL: .entry attention_matrix_blocks_0(
// CHECK: cp.async.cg.shared.global
// CHECK: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// CHECK: ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// CHECK-LABEL: .entry attention_matrices_
// CHECK-LABEL: .entry linear_matrix_stream_
// CHECK: ld.global{{.*}}.v4.b32
// CHECK: mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32
// CHECK-LABEL: .entry linear_matrices_
// CHECK: ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// CHECK: mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32

module {
  func.func @rows_of_64(%q: tensor<?x8x64xf32> {mf.name = "q", mf.dims = ["tokens", "", ""]}, %keys: tensor<?x2x?x64xf16> {mf.name = "keys", mf.dims = ["sequences", "", "positions", ""]}, %values: tensor<?x2x?x64xf16> {mf.name = "values", mf.dims = ["sequences", "", "positions", ""]}, %slots: tensor<?xi32> {mf.name = "slots", mf.dims = ["tokens"]}, %places: tensor<?xi32> {mf.name = "places", mf.dims = ["tokens"]})
      -> (tensor<?x8x64xf32> {mf.name = "y", mf.dims = ["tokens", "", ""]}) {
    %zero = arith.constant 0 : index
    %tokens = tensor.dim %q, %zero : tensor<?x8x64xf32>
    %init = tensor.empty(%tokens) : tensor<?x8x64xf32>
    %y = mf.cached_attention scale(0.125) ins(%q, %keys, %values, %slots, %places : tensor<?x8x64xf32>, tensor<?x2x?x64xf16>, tensor<?x2x?x64xf16>, tensor<?xi32>, tensor<?xi32>) outs(%init : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
    return %y : tensor<?x8x64xf32>
  }
  func.func @columns_of_64(%q: tensor<?x8x64xf32> {mf.name = "q", mf.dims = ["tokens", "", ""]}, %keys: tensor<?x2x?x64xf16> {mf.name = "keys", mf.dims = ["sequences", "", "positions", ""]}, %values: tensor<?x2x?x64xf16> {mf.name = "values", mf.dims = ["sequences", "", "positions", ""]}, %slots: tensor<?xi32> {mf.name = "slots", mf.dims = ["tokens"]}, %places: tensor<?xi32> {mf.name = "places", mf.dims = ["tokens"]})
      -> (tensor<?x8x64xf32> {mf.name = "y", mf.dims = ["tokens", "", ""]}) {
    %zero = arith.constant 0 : index
    %tokens = tensor.dim %q, %zero : tensor<?x8x64xf32>
    %init = tensor.empty(%tokens) : tensor<?x8x64xf32>
    %y = mf.cached_attention scale(0.125) layout(<keys = 16>) ins(%q, %keys, %values, %slots, %places : tensor<?x8x64xf32>, tensor<?x2x?x64xf16>, tensor<?x2x?x64xf16>, tensor<?xi32>, tensor<?xi32>) outs(%init : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
    return %y : tensor<?x8x64xf32>
  }
  func.func @pairs_of_64(%q: tensor<?x8x64xf32> {mf.name = "q", mf.dims = ["tokens", "", ""]}, %keys: tensor<?x2x?x64xbf16> {mf.name = "keys", mf.dims = ["sequences", "", "positions", ""]}, %values: tensor<?x2x?x64xbf16> {mf.name = "values", mf.dims = ["sequences", "", "positions", ""]}, %slots: tensor<?xi32> {mf.name = "slots", mf.dims = ["tokens"]}, %places: tensor<?xi32> {mf.name = "places", mf.dims = ["tokens"]})
      -> (tensor<?x8x64xf32> {mf.name = "y", mf.dims = ["tokens", "", ""]}) {
    %zero = arith.constant 0 : index
    %tokens = tensor.dim %q, %zero : tensor<?x8x64xf32>
    %init = tensor.empty(%tokens) : tensor<?x8x64xf32>
    %y = mf.cached_attention scale(0.125) layout(<keys = 16, features = 2>) values_layout(<keys = 2>) ins(%q, %keys, %values, %slots, %places : tensor<?x8x64xf32>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?xi32>, tensor<?xi32>) outs(%init : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
    return %y : tensor<?x8x64xf32>
  }
  func.func @rows_of_80(%q: tensor<?x8x80xf32> {mf.name = "q", mf.dims = ["tokens", "", ""]}, %keys: tensor<?x2x?x80xf16> {mf.name = "keys", mf.dims = ["sequences", "", "positions", ""]}, %values: tensor<?x2x?x80xf16> {mf.name = "values", mf.dims = ["sequences", "", "positions", ""]}, %slots: tensor<?xi32> {mf.name = "slots", mf.dims = ["tokens"]}, %places: tensor<?xi32> {mf.name = "places", mf.dims = ["tokens"]})
      -> (tensor<?x8x80xf32> {mf.name = "y", mf.dims = ["tokens", "", ""]}) {
    %zero = arith.constant 0 : index
    %tokens = tensor.dim %q, %zero : tensor<?x8x80xf32>
    %init = tensor.empty(%tokens) : tensor<?x8x80xf32>
    %y = mf.cached_attention scale(0.125) ins(%q, %keys, %values, %slots, %places : tensor<?x8x80xf32>, tensor<?x2x?x80xf16>, tensor<?x2x?x80xf16>, tensor<?xi32>, tensor<?xi32>) outs(%init : tensor<?x8x80xf32>) -> tensor<?x8x80xf32>
    return %y : tensor<?x8x80xf32>
  }
  func.func @columns_of_80(%q: tensor<?x8x80xf32> {mf.name = "q", mf.dims = ["tokens", "", ""]}, %keys: tensor<?x2x?x80xf16> {mf.name = "keys", mf.dims = ["sequences", "", "positions", ""]}, %values: tensor<?x2x?x80xf16> {mf.name = "values", mf.dims = ["sequences", "", "positions", ""]}, %slots: tensor<?xi32> {mf.name = "slots", mf.dims = ["tokens"]}, %places: tensor<?xi32> {mf.name = "places", mf.dims = ["tokens"]})
      -> (tensor<?x8x80xf32> {mf.name = "y", mf.dims = ["tokens", "", ""]}) {
    %zero = arith.constant 0 : index
    %tokens = tensor.dim %q, %zero : tensor<?x8x80xf32>
    %init = tensor.empty(%tokens) : tensor<?x8x80xf32>
    %y = mf.cached_attention scale(0.125) layout(<keys = 16>) ins(%q, %keys, %values, %slots, %places : tensor<?x8x80xf32>, tensor<?x2x?x80xf16>, tensor<?x2x?x80xf16>, tensor<?xi32>, tensor<?xi32>) outs(%init : tensor<?x8x80xf32>) -> tensor<?x8x80xf32>
    return %y : tensor<?x8x80xf32>
  }
  func.func @pairs_of_80(%q: tensor<?x8x80xf32> {mf.name = "q", mf.dims = ["tokens", "", ""]}, %keys: tensor<?x2x?x80xbf16> {mf.name = "keys", mf.dims = ["sequences", "", "positions", ""]}, %values: tensor<?x2x?x80xbf16> {mf.name = "values", mf.dims = ["sequences", "", "positions", ""]}, %slots: tensor<?xi32> {mf.name = "slots", mf.dims = ["tokens"]}, %places: tensor<?xi32> {mf.name = "places", mf.dims = ["tokens"]})
      -> (tensor<?x8x80xf32> {mf.name = "y", mf.dims = ["tokens", "", ""]}) {
    %zero = arith.constant 0 : index
    %tokens = tensor.dim %q, %zero : tensor<?x8x80xf32>
    %init = tensor.empty(%tokens) : tensor<?x8x80xf32>
    %y = mf.cached_attention scale(0.125) layout(<keys = 16, features = 2>) values_layout(<keys = 2>) ins(%q, %keys, %values, %slots, %places : tensor<?x8x80xf32>, tensor<?x2x?x80xbf16>, tensor<?x2x?x80xbf16>, tensor<?xi32>, tensor<?xi32>) outs(%init : tensor<?x8x80xf32>) -> tensor<?x8x80xf32>
    return %y : tensor<?x8x80xf32>
  }
  func.func @rows_of_96(%q: tensor<?x8x96xf32> {mf.name = "q", mf.dims = ["tokens", "", ""]}, %keys: tensor<?x2x?x96xbf16> {mf.name = "keys", mf.dims = ["sequences", "", "positions", ""]}, %values: tensor<?x2x?x96xbf16> {mf.name = "values", mf.dims = ["sequences", "", "positions", ""]}, %slots: tensor<?xi32> {mf.name = "slots", mf.dims = ["tokens"]}, %places: tensor<?xi32> {mf.name = "places", mf.dims = ["tokens"]})
      -> (tensor<?x8x96xf32> {mf.name = "y", mf.dims = ["tokens", "", ""]}) {
    %zero = arith.constant 0 : index
    %tokens = tensor.dim %q, %zero : tensor<?x8x96xf32>
    %init = tensor.empty(%tokens) : tensor<?x8x96xf32>
    %y = mf.cached_attention scale(0.125) ins(%q, %keys, %values, %slots, %places : tensor<?x8x96xf32>, tensor<?x2x?x96xbf16>, tensor<?x2x?x96xbf16>, tensor<?xi32>, tensor<?xi32>) outs(%init : tensor<?x8x96xf32>) -> tensor<?x8x96xf32>
    return %y : tensor<?x8x96xf32>
  }
  func.func @columns_of_96(%q: tensor<?x8x96xf32> {mf.name = "q", mf.dims = ["tokens", "", ""]}, %keys: tensor<?x2x?x96xbf16> {mf.name = "keys", mf.dims = ["sequences", "", "positions", ""]}, %values: tensor<?x2x?x96xbf16> {mf.name = "values", mf.dims = ["sequences", "", "positions", ""]}, %slots: tensor<?xi32> {mf.name = "slots", mf.dims = ["tokens"]}, %places: tensor<?xi32> {mf.name = "places", mf.dims = ["tokens"]})
      -> (tensor<?x8x96xf32> {mf.name = "y", mf.dims = ["tokens", "", ""]}) {
    %zero = arith.constant 0 : index
    %tokens = tensor.dim %q, %zero : tensor<?x8x96xf32>
    %init = tensor.empty(%tokens) : tensor<?x8x96xf32>
    %y = mf.cached_attention scale(0.125) layout(<keys = 16>) ins(%q, %keys, %values, %slots, %places : tensor<?x8x96xf32>, tensor<?x2x?x96xbf16>, tensor<?x2x?x96xbf16>, tensor<?xi32>, tensor<?xi32>) outs(%init : tensor<?x8x96xf32>) -> tensor<?x8x96xf32>
    return %y : tensor<?x8x96xf32>
  }
  func.func @pairs_of_96(%q: tensor<?x8x96xf32> {mf.name = "q", mf.dims = ["tokens", "", ""]}, %keys: tensor<?x2x?x96xbf16> {mf.name = "keys", mf.dims = ["sequences", "", "positions", ""]}, %values: tensor<?x2x?x96xbf16> {mf.name = "values", mf.dims = ["sequences", "", "positions", ""]}, %slots: tensor<?xi32> {mf.name = "slots", mf.dims = ["tokens"]}, %places: tensor<?xi32> {mf.name = "places", mf.dims = ["tokens"]})
      -> (tensor<?x8x96xf32> {mf.name = "y", mf.dims = ["tokens", "", ""]}) {
    %zero = arith.constant 0 : index
    %tokens = tensor.dim %q, %zero : tensor<?x8x96xf32>
    %init = tensor.empty(%tokens) : tensor<?x8x96xf32>
    %y = mf.cached_attention scale(0.125) layout(<keys = 16, features = 2>) values_layout(<keys = 2>) ins(%q, %keys, %values, %slots, %places : tensor<?x8x96xf32>, tensor<?x2x?x96xbf16>, tensor<?x2x?x96xbf16>, tensor<?xi32>, tensor<?xi32>) outs(%init : tensor<?x8x96xf32>) -> tensor<?x8x96xf32>
    return %y : tensor<?x8x96xf32>
  }
  func.func @rows_of_128(%q: tensor<?x8x128xf32> {mf.name = "q", mf.dims = ["tokens", "", ""]}, %keys: tensor<?x2x?x128xf16> {mf.name = "keys", mf.dims = ["sequences", "", "positions", ""]}, %values: tensor<?x2x?x128xf16> {mf.name = "values", mf.dims = ["sequences", "", "positions", ""]}, %slots: tensor<?xi32> {mf.name = "slots", mf.dims = ["tokens"]}, %places: tensor<?xi32> {mf.name = "places", mf.dims = ["tokens"]})
      -> (tensor<?x8x128xf32> {mf.name = "y", mf.dims = ["tokens", "", ""]}) {
    %zero = arith.constant 0 : index
    %tokens = tensor.dim %q, %zero : tensor<?x8x128xf32>
    %init = tensor.empty(%tokens) : tensor<?x8x128xf32>
    %y = mf.cached_attention scale(0.125) ins(%q, %keys, %values, %slots, %places : tensor<?x8x128xf32>, tensor<?x2x?x128xf16>, tensor<?x2x?x128xf16>, tensor<?xi32>, tensor<?xi32>) outs(%init : tensor<?x8x128xf32>) -> tensor<?x8x128xf32>
    return %y : tensor<?x8x128xf32>
  }
  func.func @columns_of_128(%q: tensor<?x8x128xf32> {mf.name = "q", mf.dims = ["tokens", "", ""]}, %keys: tensor<?x2x?x128xf16> {mf.name = "keys", mf.dims = ["sequences", "", "positions", ""]}, %values: tensor<?x2x?x128xf16> {mf.name = "values", mf.dims = ["sequences", "", "positions", ""]}, %slots: tensor<?xi32> {mf.name = "slots", mf.dims = ["tokens"]}, %places: tensor<?xi32> {mf.name = "places", mf.dims = ["tokens"]})
      -> (tensor<?x8x128xf32> {mf.name = "y", mf.dims = ["tokens", "", ""]}) {
    %zero = arith.constant 0 : index
    %tokens = tensor.dim %q, %zero : tensor<?x8x128xf32>
    %init = tensor.empty(%tokens) : tensor<?x8x128xf32>
    %y = mf.cached_attention scale(0.125) layout(<keys = 16>) ins(%q, %keys, %values, %slots, %places : tensor<?x8x128xf32>, tensor<?x2x?x128xf16>, tensor<?x2x?x128xf16>, tensor<?xi32>, tensor<?xi32>) outs(%init : tensor<?x8x128xf32>) -> tensor<?x8x128xf32>
    return %y : tensor<?x8x128xf32>
  }
  func.func @pairs_of_128(%q: tensor<?x8x128xf32> {mf.name = "q", mf.dims = ["tokens", "", ""]}, %keys: tensor<?x2x?x128xbf16> {mf.name = "keys", mf.dims = ["sequences", "", "positions", ""]}, %values: tensor<?x2x?x128xbf16> {mf.name = "values", mf.dims = ["sequences", "", "positions", ""]}, %slots: tensor<?xi32> {mf.name = "slots", mf.dims = ["tokens"]}, %places: tensor<?xi32> {mf.name = "places", mf.dims = ["tokens"]})
      -> (tensor<?x8x128xf32> {mf.name = "y", mf.dims = ["tokens", "", ""]}) {
    %zero = arith.constant 0 : index
    %tokens = tensor.dim %q, %zero : tensor<?x8x128xf32>
    %init = tensor.empty(%tokens) : tensor<?x8x128xf32>
    %y = mf.cached_attention scale(0.125) layout(<keys = 16, features = 2>) values_layout(<keys = 2>) ins(%q, %keys, %values, %slots, %places : tensor<?x8x128xf32>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?xi32>, tensor<?xi32>) outs(%init : tensor<?x8x128xf32>) -> tensor<?x8x128xf32>
    return %y : tensor<?x8x128xf32>
  }
  func.func @dense(%x: tensor<?x512xf32> {mf.name = "x", mf.dims = ["tokens", ""]}, %weight: tensor<7x512x16xf16> {mf.name = "weight", mf.dims = ["", "", ""]})
      -> (tensor<?x100xf32> {mf.name = "y", mf.dims = ["tokens", ""]}) {
    %zero = arith.constant 0 : index
    %tokens = tensor.dim %x, %zero : tensor<?x512xf32>
    %init = tensor.empty(%tokens) : tensor<?x100xf32>
    %y = mf.linear layout(<columns = 16>) ins(%x, %weight : tensor<?x512xf32>, tensor<7x512x16xf16>) outs(%init : tensor<?x100xf32>) -> tensor<?x100xf32>
    return %y : tensor<?x100xf32>
  }
  func.func @rest(%x: tensor<?x72xf32> {mf.name = "x", mf.dims = ["tokens", ""]}, %weight: tensor<9x72x16xbf16> {mf.name = "weight", mf.dims = ["", "", ""]})
      -> (tensor<?x131xf32> {mf.name = "y", mf.dims = ["tokens", ""]}) {
    %zero = arith.constant 0 : index
    %tokens = tensor.dim %x, %zero : tensor<?x72xf32>
    %init = tensor.empty(%tokens) : tensor<?x131xf32>
    %y = mf.linear layout(<columns = 16>) ins(%x, %weight : tensor<?x72xf32>, tensor<9x72x16xbf16>) outs(%init : tensor<?x131xf32>) -> tensor<?x131xf32>
    return %y : tensor<?x131xf32>
  }
}
