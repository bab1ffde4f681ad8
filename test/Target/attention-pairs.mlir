// The dot products of bf16 in machine code, on every CPU that has them, and nothing of them on others.
// RUN: mf-compile %s --emit=asm -mcpu=znver4 -o - | FileCheck %s --check-prefix=X86
// RUN: mf-compile %s --emit=asm -mcpu=sapphirerapids -o - | FileCheck %s --check-prefix=X86
// RUN: mf-compile %s --emit=asm -mcpu=x86-64-v4 -o - | FileCheck %s --check-prefix=PLAIN
// RUN: mf-compile %s --emit=asm -mtriple=aarch64-linux-gnu -mcpu=neoverse-v1 -o - | FileCheck %s --check-prefix=ARM
// RUN: mf-compile %s --emit=asm -mtriple=aarch64-linux-gnu -o - | FileCheck %s --check-prefix=PLAIN

// Queries, scores (six rows and four vectors), weights, results.
// X86: vcvtneps2bf16
// X86-COUNT-24: vdpbf16ps {{.*}}%zmm
// X86: vcvtneps2bf16
// X86-COUNT-24: vdpbf16ps {{.*}}%zmm
// ARM: bfcvt
// ARM-COUNT-24: bfdot
// ARM: bfcvt
// ARM-COUNT-24: bfdot
// PLAIN-NOT: dpbf16
// PLAIN-NOT: bfdot
func.func @attend(%q: tensor<?x2x64xf32> {mf.name = "q", mf.dims = ["n", "", ""]},
                  %k: tensor<?x2x64xf32> {mf.name = "k", mf.dims = ["n", "", ""]},
                  %slots: tensor<?xi32> {mf.name = "slots", mf.dims = ["n"]},
                  %positions: tensor<?xi32> {mf.name = "positions", mf.dims = ["n"]})
    -> (tensor<?x2x64xf32> {mf.name = "y", mf.dims = ["n", "", ""]}) {
  %zero = arith.constant 0 : index
  %n = tensor.dim %q, %zero : tensor<?x2x64xf32>
  %keys = tensor.empty() : tensor<1x2x256x64xbf16>
  %values = tensor.empty() : tensor<1x2x256x64xbf16>
  %0 = mf.update_state layout(<keys = 16, features = 2>) ins(%k, %slots, %positions : tensor<?x2x64xf32>, tensor<?xi32>,
      tensor<?xi32>) outs(%keys : tensor<1x2x256x64xbf16>) -> tensor<1x2x256x64xbf16>
  %1 = mf.update_state layout(<keys = 2>) ins(%k, %slots, %positions : tensor<?x2x64xf32>, tensor<?xi32>, tensor<?xi32>)
      outs(%values : tensor<1x2x256x64xbf16>) -> tensor<1x2x256x64xbf16>
  %init = tensor.empty(%n) : tensor<?x2x64xf32>
  %y = mf.cached_attention scale(0.125) layout(<keys = 16, features = 2>) values_layout(<keys = 2>)
      ins(%q, %0, %1, %slots, %positions : tensor<?x2x64xf32>, tensor<1x2x256x64xbf16>, tensor<1x2x256x64xbf16>,
          tensor<?xi32>, tensor<?xi32>) outs(%init : tensor<?x2x64xf32>) -> tensor<?x2x64xf32>
  return %y : tensor<?x2x64xf32>
}
