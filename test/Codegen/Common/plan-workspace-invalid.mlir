// RUN: mf-opt %s --mf-plan-workspace --split-input-file --verify-diagnostics

func.func @shrinking(%frame: !mf.frame) {
  %t = mf.frame_dim %frame[0] : index
  %u = mf.frame_dim %frame[1] : index
  %s = arith.subi %t, %u : index
  // expected-error @+1 {{expects sizes that grow with the dimensions of the entry point and depend on nothing else}}
  %a = memref.alloc(%s) : memref<?xf32>
  return
}

// -----

func.func @shrinking_map(%frame: !mf.frame) {
  %t = mf.frame_dim %frame[0] : index
  %s = affine.apply affine_map<()[s0] -> (s0 mod 16)>()[%t]
  // expected-error @+1 {{expects sizes that grow with the dimensions of the entry point and depend on nothing else}}
  %a = memref.alloc(%s) : memref<?xf32>
  return
}

// -----

func.func @data(%frame: !mf.frame) {
  %c0 = arith.constant 0 : index
  %x = mf.frame_operand %frame[0] : memref<1xindex>
  %s = memref.load %x[%c0] : memref<1xindex>
  // expected-error @+1 {{expects sizes that grow with the dimensions of the entry point and depend on nothing else}}
  %a = memref.alloc(%s) : memref<?xf32>
  return
}

// -----

func.func @unbounded(%frame: !mf.frame) {
  %t = mf.frame_dim %frame[0] : index
  %u = mf.frame_dim %frame[1] : index
  %s = arith.subi %t, %u : index
  scf.forall (%i) in (4) {
    // expected-error @+1 {{expects sizes that grow with the dimensions of the entry point and depend on nothing else}}
    %a = memref.alloc(%s) : memref<?xf32>
  }
  return
}

// -----

func.func @carried(%frame: !mf.frame) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %x = mf.frame_operand %frame[0] : memref<4xf32>
  %r = scf.for %i = %c0 to %c4 step %c1 iter_args(%old = %x) -> memref<4xf32> {
    // expected-error @+1 {{the loop that it is in carries it from one iteration to the next}}
    %a = memref.alloc() : memref<4xf32>
    memref.copy %old, %a : memref<4xf32> to memref<4xf32>
    scf.yield %a : memref<4xf32>
  }
  memref.copy %r, %x : memref<4xf32> to memref<4xf32>
  return
}

// -----

func.func @layout(%frame: !mf.frame) {
  // expected-error @+1 {{expects a compact memref of numbers, found 'memref<4x4xf32, strided<[1, 4]>>'}}
  %a = memref.alloc() : memref<4x4xf32, strided<[1, 4]>>
  return
}

// -----

// expected-error @+1 {{expects no function 'taken.workspace', which the pass builds}}
func.func @taken(%frame: !mf.frame) {
  return
}
func.func private @taken.workspace(%frame: !mf.frame) -> i64
