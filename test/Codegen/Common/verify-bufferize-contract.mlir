// RUN: mf-opt %s --mf-verify-bufferize-contract --split-input-file --verify-diagnostics

#x = #mf.operand<name = "x", role = input, type = tensor<?xf32>, dims = ["n"]>
func.func @good(%frame: !mf.frame) attributes {mf.entry = #mf.entry<dims = ["n"], operands = [#x]>} {
  return
}
func.func @good.workspace(%frame: !mf.frame) -> i64 {
  %c0 = arith.constant 0 : i64
  return %c0 : i64
}
func.func private @helper(%x: memref<?xf32>) {
  return
}

// -----

// expected-error @+1 {{expects no tensors after bufferisation}}
func.func private @argument(%x: tensor<?xf32>) {
  return
}

// -----

func.func private @value(%n: index) {
  // expected-error @+1 {{expects no tensors after bufferisation}}
  %x = tensor.empty(%n) : tensor<?xf32>
  return
}

// -----

func.func private @allocation(%n: index) {
  // expected-error @+1 {{expects a place in the workspace, which mf-plan-workspace gives}}
  %x = memref.alloc(%n) : memref<?xf32>
  return
}

// -----

// expected-error @+1 {{expects a public function to be an entry point or the size of a workspace}}
func.func @public(%x: memref<?xf32>) {
  return
}

// -----

// expected-error @+1 {{expects a public function to be an entry point or the size of a workspace}}
func.func @no_interface(%frame: !mf.frame) {
  return
}
