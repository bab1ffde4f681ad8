// Each form of linear attention of each other one, and the way back.
// RUN: mf-opt %s --mf-convert-attention-form=form=quadratic | FileCheck %s --check-prefix=QUADRATIC
// RUN: mf-opt %s --mf-convert-attention-form=form=recurrent | FileCheck %s --check-prefix=RECURRENT
// RUN: mf-opt %s --mf-convert-attention-form=form=quadratic --mf-convert-attention-form=form=recurrent | FileCheck %s --check-prefix=RECURRENT
// RUN: mf-opt %s --mf-convert-attention-form=form=recurrent --mf-convert-attention-form=form=quadratic | FileCheck %s --check-prefix=QUADRATIC
// RUN: mf-opt %s --mf-convert-attention-form | FileCheck %s --check-prefix=CHUNKED
// RUN: mf-opt %s --mf-convert-attention-form=form=quadratic --mf-convert-attention-form=form=recurrent --mf-convert-attention-form=form=chunked | FileCheck %s --check-prefix=CHUNKED
// RUN: not mf-opt %s --mf-convert-attention-form=form=cubic 2>&1 | FileCheck %s --check-prefix=NONE

// NONE: error: mf-convert-attention-form: expects form to be chunked, quadratic or recurrent, found cubic

// QUADRATIC: mf.linear_attention causal features(#mf.elu_features) chunk(16) form quadratic ins(
// RECURRENT: mf.linear_attention causal features(#mf.elu_features) chunk(16) form recurrent ins(
// CHUNKED: mf.linear_attention causal features(#mf.elu_features) chunk(16) ins(
func.func @causal(%q: tensor<?x2x8xf32>, %v: tensor<?x2x6xf32>) -> tensor<?x2x6xf32> {
  %0 = mf.linear_attention causal features(#mf.elu_features) chunk(16)
      ins(%q, %q, %v : tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x6xf32>) outs(%v : tensor<?x2x6xf32>)
      -> tensor<?x2x6xf32>
  return %0 : tensor<?x2x6xf32>
}

// QUADRATIC: mf.linear_attention features(#mf.favor_features<kind = softmax>) chunk(16) form quadratic
// RECURRENT: mf.linear_attention features(#mf.favor_features<kind = softmax>) chunk(16) form recurrent
// CHUNKED: mf.linear_attention features(#mf.favor_features<kind = softmax>) chunk(16) ins(
func.func @full(%q: tensor<?x2x8xf32>, %v: tensor<?x2x6xf32>, %w: tensor<12x8xf32>) -> tensor<?x2x6xf32> {
  %0 = mf.linear_attention features(#mf.favor_features<kind = softmax>) chunk(16) form recurrent
      ins(%q, %q, %v : tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x6xf32>) projection(%w : tensor<12x8xf32>)
      outs(%v : tensor<?x2x6xf32>) -> tensor<?x2x6xf32>
  return %0 : tensor<?x2x6xf32>
}
