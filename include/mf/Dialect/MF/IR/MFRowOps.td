// Ops that compute one row per token: norms, sums, rotary embedding, embedding, linear.
#ifndef MF_DIALECT_MF_IR_MFROWOPS_TD
#define MF_DIALECT_MF_IR_MFROWOPS_TD

include "mf/Dialect/MF/IR/MFOpBase.td"

def MF_RMSNormOp : MF_ComputeOp<"rms_norm", [MF_StatesCost]> {
  let summary = "Root-mean-square norm";
  let description = [{
    y = scale * x / (sqrt(mean(x^2)) + eps) over each row, or scale * x / sqrt(mean(x^2) + eps) with `eps_inside_root`. A
    row of zeros gives zeros.

    ```mlir
    %y = mf.rms_norm ins(%x, %scale : tensor<?x512xf32>, tensor<512xf32>) outs(%init : tensor<?x512xf32>)
        {eps = 1.0e-8 : f64} -> tensor<?x512xf32>
    ```

    Constraints:
    - (C1) x and the destination have equal shapes [tokens, d]; scale is [d].
    - (C2) `eps` is finite and not negative.
  }];
  let arguments = (ins MF_Shaped<2, [F32]>:$x, MF_Shaped<1, MF_StoredFloats>:$scale, MF_Shaped<2, [F32]>:$init,
                       DefaultValuedAttr<F64Attr, "1.0e-8">:$eps, UnitAttr:$eps_inside_root,
                       MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    (`strategy` `(` $strategy^ `)`)? `ins` `(` $x `,` $scale `:` type($x) `,` type($scale) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

def MF_LayerNormOp : MF_ComputeOp<"layer_norm", [MF_StatesCost]> {
  let summary = "Layer norm, eps inside the root";
  let description = [{
    y = weight * (x - mean(x)) / sqrt(var(x) + eps) + bias over each row; the variance is the biased one.

    ```mlir
    %y = mf.layer_norm ins(%x, %weight, %bias : tensor<?x640xf32>, tensor<640xf32>, tensor<640xf32>)
        outs(%init : tensor<?x640xf32>) {eps = 1.0e-5 : f64} -> tensor<?x640xf32>
    ```

    Constraints:
    - (C1) x and the destination have equal shapes [tokens, d]; weight and bias are [d].
    - (C2) `eps` is finite and positive.
  }];
  let arguments = (ins MF_Shaped<2, [F32]>:$x, MF_Shaped<1, MF_StoredFloats>:$weight,
                       MF_Shaped<1, MF_StoredFloats>:$bias, MF_Shaped<2, [F32]>:$init,
                       DefaultValuedAttr<F64Attr, "1.0e-5">:$eps, MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    (`strategy` `(` $strategy^ `)`)?
    `ins` `(` $x `,` $weight `,` $bias `:` type($x) `,` type($weight) `,` type($bias) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

def MF_AddOp : MF_ComputeOp<"add", [MF_StatesCost]> {
  let summary = "Sum of two activations (residual connection), or of activations and a bias";
  let description = [{
    y = a + b elementwise. A term b of one row is added to every token.

    ```mlir
    %y = mf.add ins(%a, %b : tensor<?x512xf32>, tensor<?x512xf32>) outs(%init : tensor<?x512xf32>)
        -> tensor<?x512xf32>
    ```

    Constraints:
    - (C1) a and the destination have equal shapes [tokens, d]; b is [tokens, d] of f32, or [d].
  }];
  let arguments = (ins MF_Shaped<2, [F32]>:$a,
                       AnyTypeOf<[MF_Shaped<2, [F32]>, MF_Shaped<1, MF_StoredFloats>]>:$b,
                       MF_Shaped<2, [F32]>:$init, MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    (`strategy` `(` $strategy^ `)`)? `ins` `(` $a `,` $b `:` type($a) `,` type($b) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
  let hasCanonicalizer = 1;
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
    /// Whether b is one row for all tokens.
    bool isBias() { return ::llvm::cast<::mlir::ShapedType>(getB().getType()).getRank() == 1; }
  }];
}

def MF_ActivationOp : MF_ComputeOp<"activation", [MF_StatesCost, AttrSizedOperandSegments]> {
  let summary = "Nonlinear function of each element";
  let description = [{
    y = f(x + bias) * factor elementwise, without the bias or the factor where there is none:

    - `gelu`: f(z) = z (1 + erf(z / sqrt(2))) / 2;
    - `gelu_tanh`: f(z) = z (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3))) / 2;
    - `silu`: f(z) = z / (1 + exp(-z)).

    With a factor, `silu` is the gate of a SwiGLU feed-forward part.

    ```mlir
    %y = mf.activation gelu ins(%x : tensor<?x2048xf32>) bias(%b : tensor<2048xf32>) outs(%init : tensor<?x2048xf32>)
        -> tensor<?x2048xf32>
    ```

    Constraints:
    - (C1) x, factor and the destination have equal shapes [tokens, d]; bias is [d].
  }];
  let arguments = (ins MF_Shaped<2, [F32]>:$x, Optional<MF_Shaped<1, MF_StoredFloats>>:$bias,
                       Optional<MF_Shaped<2, [F32]>>:$factor, MF_Shaped<2, [F32]>:$init, MF_ActivationKindAttr:$kind,
                       MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $kind (`strategy` `(` $strategy^ `)`)? `ins` `(` $x `:` type($x) `)` (`bias` `(` $bias^ `:` type($bias) `)`)?
    (`factor` `(` $factor^ `:` type($factor) `)`)? `outs` `(` $init `:` type($init) `)` attr-dict
    (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

def MF_RopeOp : MF_ComputeOp<"rope", [MF_StatesCost]> {
  let summary = "Partial rotary embedding, NeoX halves";
  let description = [{
    Rotates the first r features of every head of token t by the angles of its position p = positions[t]; the others pass.
    With h = r / 2 and i < h: y[i] = x[i] cos - x[i + h] sin, y[i + h] = x[i + h] cos + x[i] sin, (cos, sin) =
    angles[p, i, :].

    ```mlir
    %y = mf.rope ins(%x, %positions, %angles : tensor<?x8x64xf32>, tensor<?xi32>, tensor<2048x8x2xf32>)
        outs(%init : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
    ```

    Constraints:
    - (C1) x and the destination have equal shapes [tokens, heads, head_dim]; positions is [tokens].
    - (C2) angles is [max_positions, r / 2, 2] with r <= head_dim.

    A position outside [0, max_positions) reads the nearest row of angles.
  }];
  let arguments = (ins MF_Shaped<3, [F32]>:$x, MF_Shaped<1, MF_IndexTypes>:$positions, MF_Shaped<3, [F32]>:$angles,
                       MF_Shaped<3, [F32]>:$init, MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    (`strategy` `(` $strategy^ `)`)?
    `ins` `(` $x `,` $positions `,` $angles `:` type($x) `,` type($positions) `,` type($angles) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

def MF_EmbeddingOp : MF_ComputeOp<"embedding", [MF_StatesCost]> {
  let summary = "Rows of a table by index";
  let description = [{
    y[t, :] = table[ids[t], :], converted to f32. Also the gather of some rows of an activation. An id outside [0, rows)
    reads the nearest row. With `layout`, the table has the stored shape that the layout gives to [rows, d]: that of a dense
    layer's weight which is the table too. Its rows are then those of whole panels, the last ones 0.

    ```mlir
    %y = mf.embedding ins(%ids, %table : tensor<?xi32>, tensor<50304x512xf16>) outs(%init : tensor<?x512xf32>)
        -> tensor<?x512xf32>
    ```

    Constraints:
    - (C1) ids is [tokens], the destination [tokens, d], table [rows, d], or with `layout` panels of that, [panels, d,
      columns].
  }];
  let arguments = (ins MF_Shaped<1, MF_IndexTypes>:$ids, MF_AnyShaped<MF_StoredFloats>:$table,
                       MF_Shaped<2, [F32]>:$init, OptionalAttr<MF_PanelLayoutAttr>:$layout,
                       MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    (`layout` `(` $layout^ `)`)? (`strategy` `(` $strategy^ `)`)? `ins` `(` $ids `,` $table `:` type($ids) `,` type($table) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

def MF_LinearOp : MF_ComputeOp<"linear", [MF_StatesCost, AttrSizedOperandSegments]> {
  let summary = "Dense layer";
  let description = [{
    y[m, n] = sum over d of x[m, d] * weight[n, d], in f32. With `layout`, `weight` has the stored shape that the layout
    gives to [N, D], and d ascends; without, the sum goes lane by lane, in an order that is fixed for a strategy.

    ```mlir
    %y = mf.linear ins(%x, %weight : tensor<?x512xf32>, tensor<50304x512xf16>) outs(%init : tensor<?x50304xf32>)
        -> tensor<?x50304xf32>
    ```

    With a quantised weight (i8, or i4 in pairs) x comes from `mf.quantize_rows`, the features are in G groups of D / G,
    and y[m, n] = x_scales[m] * sum over g of weight_scales[n, g] * (sum over d in group g of x[m, d] * weight[n, d]). The
    inner sums are ones of integers; the outer one goes with g ascending. Scales of bf16 are widened when they are read.

    ```mlir
    %y = mf.linear layout(#mf.panel_layout<columns = 32, interleave = 4>)
        ins(%q, %weight : tensor<?x512xi8>, tensor<1572x128x32x4xi8>)
        scales(%s, %ws : tensor<?xf32>, tensor<1572x1x32xf32>) outs(%init : tensor<?x50304xf32>) -> tensor<?x50304xf32>
    ```

    A weight whose features are pruned (`#mf.feature_pruning<kept = 2, of = 4, columns = c>`) has D' = D / 4 * 2 of them,
    and y[m, n] = sum over j of x[m, features[n / c, j]] * weight[n, j]. The numbers of features ascend, two of each four.

    ```mlir
    %y = mf.linear ins(%x, %weight : tensor<?x512xf32>, tensor<1024x256xf16>)
        pruning(<kept = 2, of = 4, columns = 32>) features(%features : tensor<32x256xi16>)
        outs(%init : tensor<?x1024xf32>) -> tensor<?x1024xf32>
    ```

    Constraints:
    - (C1) x is [tokens, D], the destination [tokens, N].
    - (C2) the (stored) shape of weight is that of [N, D], or of [N, D'].
    - (C3) either x is f32 and weight floats, and there are no scales; or both are i8, x_scales is [tokens] and
      weight_scales is [N, G] with G static and a divisor of D, with `layout` as panels of as many columns store it. Then
      D / G is at most 65,536, so that no sum overflows.
    - (C4) pruning and features come together, and for floats; D is a multiple of `of`, at most 32,768, features is
      [ceil(N / columns), D'], and a layout has panels of as many columns.
  }];
  let arguments = (ins MF_Shaped<2, [F32, I8]>:$x, MF_AnyShaped<MF_StoredElements>:$weight,
                       Optional<MF_Shaped<1, [F32]>>:$x_scales, Optional<MF_AnyShaped<[F32, BF16]>>:$weight_scales,
                       Optional<MF_Shaped<2, [I16]>>:$features, MF_Shaped<2, [F32]>:$init,
                       OptionalAttr<MF_FeaturePruningAttr>:$pruning,
                       OptionalAttr<MF_PanelLayoutAttr>:$layout, MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    (`layout` `(` $layout^ `)`)? (`strategy` `(` $strategy^ `)`)?
    `ins` `(` $x `,` $weight `:` type($x) `,` type($weight) `)`
    (`scales` `(` $x_scales^ `,` $weight_scales `:` type($x_scales) `,` type($weight_scales) `)`)?
    (`pruning` `(` $pruning^ `)`)? (`features` `(` $features^ `:` type($features) `)`)?
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
    /// Features that the weight has: those of x, or what pruning leaves of them; dynamic where x has so many.
    int64_t getNumWeightFeatures();
    /// Whether weight and x are integers.
    bool isQuantized() { return static_cast<bool>(getWeightScales()); }
  }];
}

#endif // MF_DIALECT_MF_IR_MFROWOPS_TD
