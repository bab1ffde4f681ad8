// RUN: mf-opt %s --mf-trace-codes --split-input-file --verify-diagnostics

// expected-error @below {{mf-trace-codes: expects one public function with lookups, found 0}}
module {
  func.func @none(%x: tensor<4xf32>) -> tensor<4xf32> {
    return %x : tensor<4xf32>
  }
}

// -----

mf.parameter @t : tensor<2x4x16xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
// expected-error @below {{expects an argument named 'tokens', a tensor of ids, to trace codes of}}
func.func @no_tokens(%c: tensor<?x2xi8>, %s: tensor<?x2xf32>, %e: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %t = mf.get_parameter @t : tensor<2x4x16xf32>
  %0 = mf.lookup ins(%c, %s : tensor<?x2xi8>, tensor<?x2xf32>) tables(%t : tensor<2x4x16xf32>)
      outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  return %0 : tensor<?x16xf32>
}

// -----

func.func @no_parameter(%tokens: tensor<?xi32> {mf.name = "tokens"}, %c: tensor<?x2xi8>, %s: tensor<?x2xf32>,
                        %t: tensor<2x4x16xf32>, %e: tensor<?x16xf32>) -> tensor<?x16xf32> {
  // expected-error @below {{expects tables that are parameters, each read by one lookup, to name its codes}}
  %0 = mf.lookup ins(%c, %s : tensor<?x2xi8>, tensor<?x2xf32>) tables(%t : tensor<2x4x16xf32>)
      outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  return %0 : tensor<?x16xf32>
}
