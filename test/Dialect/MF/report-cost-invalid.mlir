// RUN: mf-opt %s --mf-report-cost --split-input-file --verify-diagnostics -o /dev/null
// RUN: not mf-opt %S/report-cost.mlir --split-input-file --mf-report-cost=format=xml 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: not mf-opt %S/report-cost.mlir --split-input-file --mf-report-cost=at=tokens:x 2>&1 | FileCheck %s --check-prefix=AT
// RUN: not mf-opt %S/report-cost.mlir --split-input-file --mf-report-cost=output=%t/none/file 2>&1 \
// RUN:   | FileCheck %s --check-prefix=OUTPUT
// FORMAT: error: mf-report-cost: expects 'format' to be text or json, found 'xml'
// AT: error: mf-report-cost: expects 'at' to be sizes like tokens:512, found 'tokens:x'
// OUTPUT: error: mf-report-cost: cannot write '{{.*}}/none/file': No such file or directory

func.func @elementwise(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'arith.addf' op cost: says nothing of what it costs (CostOpInterface)}}
  %y = arith.addf %x, %x : tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func private @elsewhere(tensor<4xf32>) -> tensor<4xf32>

func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'func.call' op cost: says nothing of what it costs}}
  %y = func.call @elsewhere(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @loop(%x: tensor<4x8xf32>, %n: index) -> tensor<4x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // expected-error @+1 {{'scf.for' op cost: says nothing of what it costs}}
  %y = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x) -> tensor<4x8xf32> {
    %b = mf.add ins(%a, %a : tensor<4x8xf32>, tensor<4x8xf32>) outs(%a : tensor<4x8xf32>) -> tensor<4x8xf32>
    scf.yield %b : tensor<4x8xf32>
  }
  return %y : tensor<4x8xf32>
}

// -----

func.func @memrefs(%x: memref<4x8xf32>) {
  // expected-error @+1 {{'mf.add' op cost: is on memrefs: costs are those of modules on tensors}}
  mf.add ins(%x, %x : memref<4x8xf32>, memref<4x8xf32>) outs(%x : memref<4x8xf32>)
  return
}

// -----

// The number of tokens is a value of the call.
// expected-error @+1 {{cost: expects a size to follow from the sizes of the function's arguments, found}}
func.func @value(%x: tensor<?x8xf32>, %n: index) -> tensor<?x16xf32> {
  %w = arith.constant dense<1.0> : tensor<16x8xf32>
  %e = tensor.empty(%n) : tensor<?x16xf32>
  %y = mf.linear ins(%x, %w : tensor<?x8xf32>, tensor<16x8xf32>) outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  %bits = tensor.empty(%n) : tensor<?x2xi8>
  %scores = tensor.empty(%n) : tensor<?x2xf32>
  %c, %s = mf.hash magnitude bits(8) ins(%y : tensor<?x16xf32>)
      outs(%bits, %scores : tensor<?x2xi8>, tensor<?x2xf32>) -> tensor<?x2xi8>, tensor<?x2xf32>
  return %y : tensor<?x16xf32>
}

// -----

// expected-error @+1 {{expects 'mf.block' to be a string that is not empty, found ""}}
mf.parameter @p : tensor<4xf32> from #mf.random<seed = 1, scale = 1.0 : f32> {mf.block = ""}

// -----

// expected-error @+1 {{expects 'mf.block' on an 'mf.parameter', found it on 'func.func'}}
func.func private @f() attributes {mf.block = "a"}
