// RUN: mf-opt %s --mf-lower-entry-points --split-input-file --verify-diagnostics

// expected-error @+1 {{expects arguments of an entry point to be ranked tensors, found 'index' for argument 1}}
func.func @scalar(%x: tensor<4xf32>, %n: index) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// expected-error @+1 {{expects results of an entry point to be ranked tensors, found 'f32' for result 0}}
func.func @scalar_result(%x: tensor<4xf32>) -> f32 {
  %f = arith.constant 0.0 : f32
  return %f : f32
}

// -----

// expected-error @+1 {{expects operands of different names, found 'x' twice; a result with the name of an argument needs 'mf.state' on both}}
func.func @same_name(%x: tensor<4xf32> {mf.name = "x"}) -> (tensor<4xf32> {mf.name = "x"}) {
  return %x : tensor<4xf32>
}

// -----

// expected-error @+1 {{expects a state argument for the new state of result 0, found none named 's'}}
func.func @no_state(%x: tensor<4xf32> {mf.name = "s"}) -> (tensor<4xf32> {mf.name = "s", mf.state}) {
  return %x : tensor<4xf32>
}

// -----

// expected-error @+1 {{expects the new value of state 's' to be 'tensor<4xf32>', found 'tensor<2xf32>'}}
func.func @state_type(%s: tensor<4xf32> {mf.name = "s", mf.state}, %x: tensor<2xf32>)
    -> (tensor<2xf32> {mf.name = "s", mf.state}) {
  return %x : tensor<2xf32>
}

// -----

// expected-error @+1 {{expects one new value of state 's', found another in result 1}}
func.func @two_values(%s: tensor<4xf32> {mf.name = "s", mf.state})
    -> (tensor<4xf32> {mf.name = "s", mf.state}, tensor<4xf32> {mf.name = "s", mf.state}) {
  return %s, %s : tensor<4xf32>, tensor<4xf32>
}

// -----

// expected-error @+1 {{expects dimension 0 of result 0 to be known to equal one of an argument; write 'mf.dims' on both}}
func.func @extent(%x: tensor<?xf32>, %n: tensor<1xindex>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %size = tensor.extract %n[%c0] : tensor<1xindex>
  %e = tensor.empty(%size) : tensor<?xf32>
  return %e : tensor<?xf32>
}

// -----

// expected-error @+1 {{expects the dimensions of results to be dimensions of arguments, found 'm' on result 0}}
func.func @name_of_extent(%x: tensor<?xf32> {mf.dims = ["n"]}) -> (tensor<?xf32> {mf.dims = ["m"]}) {
  return %x : tensor<?xf32>
}

// -----

mf.parameter @w : tensor<8xf32> from #mf.fill<1.0 : f32>
func.func @no_index() -> tensor<8xf32> {
  // expected-error @+1 {{expects a parameter with an index, which mf-pack-parameters gives}}
  %w = mf.get_parameter @w : tensor<8xf32>
  return %w : tensor<8xf32>
}
