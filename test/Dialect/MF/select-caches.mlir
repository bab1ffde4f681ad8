// RUN: mf-opt %s --mf-select-caches --split-input-file --remarks-filter="mf-select-caches" --remark-format=emitRemark 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK <%t.remarks
// RUN: mf-opt %s --mf-select-caches="cache-dtype=bf16 layout=false" --split-input-file | FileCheck %s --check-prefix=BF16
// RUN: mf-opt %s --mf-select-caches=cache-dtype=bf16 --split-input-file | FileCheck %s --check-prefix=PAIRS
// RUN: mf-opt %s --mf-select-caches=cache-dtype=auto --split-input-file | FileCheck %s --check-prefix=AUTO
// RUN: not mf-opt %s --mf-select-caches=cache-dtype=i8 --split-input-file 2>&1 | FileCheck %s --check-prefix=INVALID

// INVALID: error: mf-select-caches: expects cache-dtype to be auto, keep, f32, bf16 or f16, found 'i8'

// Keys get a layout, on every op, the argument and the result; values keep theirs. Both get the type.
// CHECK-LABEL: func.func @step
// CHECK-SAME: %{{.*}}: tensor<?x2x?x8xf32> {mf.dims = ["b", "", "p", ""], mf.name = "keys", mf.state = #mf.cache_layout<keys = 16>}
// CHECK-SAME: %{{.*}}: tensor<?x2x?x8xf32> {mf.dims = ["b", "", "p", ""], mf.name = "values", mf.state}
// CHECK-SAME: -> (tensor<?x2x?x8xf32> {mf.name = "keys", mf.state = #mf.cache_layout<keys = 16>}
// CHECK: mf.update_state layout(<keys = 16>) ins
// CHECK: mf.update_state ins
// CHECK: mf.cached_attention scale({{.*}}) layout(<keys = 16>) ins
// BF16-LABEL: func.func @step
// BF16-SAME: tensor<?x2x?x8xbf16> {mf.dims = ["b", "", "p", ""], mf.name = "keys", mf.state}
// BF16: mf.update_state ins({{.*}}) outs(%{{.*}} : tensor<?x2x?x8xbf16>) -> tensor<?x2x?x8xbf16>
// BF16: mf.cached_attention scale({{.*}}) ins({{.*}}tensor<?x2x?x8xbf16>, tensor<?x2x?x8xbf16>
// Those of bf16 lie in pairs. Without integers in the function, `auto` is `keep`.
// PAIRS-LABEL: func.func @step
// PAIRS-SAME: mf.name = "keys", mf.state = #mf.cache_layout<keys = 16, features = 2>}
// PAIRS-SAME: mf.name = "values", mf.state = #mf.cache_layout<keys = 2>}
// PAIRS: mf.update_state layout(<keys = 16, features = 2>)
// PAIRS: mf.update_state layout(<keys = 2>)
// PAIRS: mf.cached_attention scale({{.*}}) layout(<keys = 16, features = 2>) values_layout(<keys = 2>) ins
// AUTO-LABEL: func.func @step
// AUTO-SAME: tensor<?x2x?x8xf32> {{.*}}#mf.cache_layout<keys = 16>}
!state = tensor<?x2x?x8xf32>
func.func @step(%x: tensor<?x2x8xf32>, %slots: tensor<?xi32>, %positions: tensor<?xi32>,
                %keys: !state {mf.name = "keys", mf.dims = ["b", "", "p", ""], mf.state},
                %values: !state {mf.name = "values", mf.dims = ["b", "", "p", ""], mf.state})
    -> (!state {mf.name = "keys", mf.state}, !state {mf.name = "values", mf.state}, tensor<?x2x8xf32>) {
  %k = mf.update_state ins(%x, %slots, %positions : tensor<?x2x8xf32>, tensor<?xi32>, tensor<?xi32>)
      outs(%keys : !state) -> !state
  %v = mf.update_state ins(%x, %slots, %positions : tensor<?x2x8xf32>, tensor<?xi32>, tensor<?xi32>)
      outs(%values : !state) -> !state
  %y = mf.cached_attention scale(0.5) ins(%x, %k, %v, %slots, %positions : tensor<?x2x8xf32>, !state, !state,
      tensor<?xi32>, tensor<?xi32>) outs(%x : tensor<?x2x8xf32>) -> tensor<?x2x8xf32>
  return %k, %v, %y : !state, !state, tensor<?x2x8xf32>
}

// -----

// One cache as keys and values has no layout; a state that something else reads stays as it is.
// CHECK-LABEL: func.func @others
// CHECK-NOT: cache_layout
// BF16-LABEL: func.func @others
// BF16-SAME: tensor<?x2x?x8xbf16> {mf.dims = ["b", "", "p", ""], mf.name = "both"
// BF16-SAME: tensor<?x2x?x8xf32> {mf.dims = ["b", "", "p", ""], mf.name = "other"
// REMARK: remark: [Missed] SelectCaches {{.*}}stays as it is: it is no cache of attention
func.func @others(%x: tensor<?x2x8xf32>, %slots: tensor<?xi32>, %positions: tensor<?xi32>,
                  %both: tensor<?x2x?x8xf32> {mf.name = "both", mf.dims = ["b", "", "p", ""], mf.state},
                  %other: tensor<?x2x?x8xf32> {mf.name = "other", mf.dims = ["b", "", "p", ""], mf.state})
    -> (tensor<?x2x8xf32>, tensor<?x2x?x8xf32>) {
  %y = mf.cached_attention scale(0.5) ins(%x, %both, %both, %slots, %positions : tensor<?x2x8xf32>,
      tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?xi32>, tensor<?xi32>) outs(%x : tensor<?x2x8xf32>)
      -> tensor<?x2x8xf32>
  return %y, %other : tensor<?x2x8xf32>, tensor<?x2x?x8xf32>
}

// -----

// `auto`: a function that multiplies integers keeps its caches in bf16. Odd numbers of features have no pairs, values
// have pairs of keys all the same.
// AUTO-LABEL: func.func @integers
// AUTO-SAME: tensor<?x2x?x5xbf16> {mf.dims = ["b", "", "p", ""], mf.name = "keys", mf.state = #mf.cache_layout<keys = 16>}
// AUTO-SAME: tensor<?x2x?x5xbf16> {mf.dims = ["b", "", "p", ""], mf.name = "values", mf.state = #mf.cache_layout<keys = 2>}
// CHECK-LABEL: func.func @integers
// CHECK-SAME: tensor<?x2x?x5xf32>
!odd = tensor<?x2x?x5xf32>
func.func @integers(%x: tensor<?x2x5xf32>, %slots: tensor<?xi32>, %positions: tensor<?xi32>, %rows: tensor<?x8xi8>,
                    %factors: tensor<?xf32>, %weight: tensor<4x8xi8>, %scales: tensor<4x1xf32>, %init: tensor<?x4xf32>,
                    %keys: !odd {mf.name = "keys", mf.dims = ["b", "", "p", ""], mf.state},
                    %values: !odd {mf.name = "values", mf.dims = ["b", "", "p", ""], mf.state})
    -> (!odd {mf.name = "keys", mf.state}, !odd {mf.name = "values", mf.state}, tensor<?x2x5xf32>, tensor<?x4xf32>) {
  %k = mf.update_state ins(%x, %slots, %positions : tensor<?x2x5xf32>, tensor<?xi32>, tensor<?xi32>)
      outs(%keys : !odd) -> !odd
  %v = mf.update_state ins(%x, %slots, %positions : tensor<?x2x5xf32>, tensor<?xi32>, tensor<?xi32>)
      outs(%values : !odd) -> !odd
  %y = mf.cached_attention scale(0.5) ins(%x, %k, %v, %slots, %positions : tensor<?x2x5xf32>, !odd, !odd,
      tensor<?xi32>, tensor<?xi32>) outs(%x : tensor<?x2x5xf32>) -> tensor<?x2x5xf32>
  %z = mf.linear ins(%rows, %weight : tensor<?x8xi8>, tensor<4x8xi8>)
      scales(%factors, %scales : tensor<?xf32>, tensor<4x1xf32>) outs(%init : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %k, %v, %y, %z : !odd, !odd, tensor<?x2x5xf32>, tensor<?x4xf32>
}
