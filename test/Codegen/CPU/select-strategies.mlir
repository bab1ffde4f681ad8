// RUN: mf-opt %s --mf-cpu-select-strategies --split-input-file --verify-diagnostics | FileCheck %s

// A strategy that is there stays; one that is missing is selected, also in nested regions and on memrefs.
module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2", vector_bits = 256, fma = true, l1_bytes = 32768, l2_bytes = 1048576>} {
  // CHECK-LABEL: func.func @hand_written
  // CHECK: mf.add strategy(#mf.cpu_rows<tokens = 7, lanes = 1>)
  // CHECK: mf.add strategy(#mf.cpu_rows<tokens = 16, lanes = 8>)
  func.func @hand_written(%x: tensor<?x8xf32>, %condition: i1) -> tensor<?x8xf32> {
    %y = mf.add strategy(#mf.cpu_rows<tokens = 7, lanes = 1>) ins(%x, %x : tensor<?x8xf32>, tensor<?x8xf32>)
        outs(%x : tensor<?x8xf32>) -> tensor<?x8xf32>
    %r = scf.if %condition -> tensor<?x8xf32> {
      %z = mf.add ins(%x, %x : tensor<?x8xf32>, tensor<?x8xf32>) outs(%x : tensor<?x8xf32>) -> tensor<?x8xf32>
      scf.yield %z : tensor<?x8xf32>
    } else {
      scf.yield %y : tensor<?x8xf32>
    }
    return %r : tensor<?x8xf32>
  }

  // CHECK-LABEL: func.func @memrefs
  // CHECK: mf.add strategy(#mf.cpu_rows<tokens = 16, lanes = 8>)
  func.func @memrefs(%x: memref<?x8xf32>, %y: memref<?x8xf32>) {
    mf.add ins(%x, %x : memref<?x8xf32>, memref<?x8xf32>) outs(%y : memref<?x8xf32>)
    return
  }
}

// -----

// Nothing to select, no target needed.
// CHECK-LABEL: func.func @other_ops
// CHECK-NEXT: return
func.func @other_ops() {
  return
}

// -----

// expected-error @+1 {{expects the attribute 'mf.target', a #mf.cpu_target, to select strategies by}}
module {
  func.func @no_target(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
    %y = mf.add ins(%x, %x : tensor<?x8xf32>, tensor<?x8xf32>) outs(%x : tensor<?x8xf32>) -> tensor<?x8xf32>
    return %y : tensor<?x8xf32>
  }
}
