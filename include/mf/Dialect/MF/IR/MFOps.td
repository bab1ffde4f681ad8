// The compute ops of the dialect `mf`.
#ifndef MF_DIALECT_MF_IR_MFOPS_TD
#define MF_DIALECT_MF_IR_MFOPS_TD

include "mf/Dialect/MF/IR/MFOpBase.td"

//===----------------------------------------------------------------------===//
// Memory layers
//===----------------------------------------------------------------------===//

def MF_HashOp : MF_ComputeOp<"hash"> {
  let summary = "Codes and scores of the chunks of a vector";
  let description = [{
    Cuts each row of `x` into K chunks z of `bits` consecutive elements and computes for each chunk

    - the code, sum over i of b_i * 2^(bits - 1 - i) with b_i = 1 where z_i >= 0 and 0 elsewhere: +0.0 and -0.0 give 1,
      NaN gives 0; the first element is the most significant bit; an unsigned integer in [0, 2^bits);
    - the score, `magnitude`: sum_i |z_i| / prod_i (1 + exp(-2 |z_i|)), or `probability`:
      1 / prod_i (1 + exp(-2 |z_i| / t)) with the temperature t.

    ```mlir
    %codes, %scores = mf.hash magnitude bits(8) ins(%x : tensor<?x512xf32>)
        outs(%c, %s : tensor<?x64xi8>, tensor<?x64xf32>) -> tensor<?x64xi8>, tensor<?x64xf32>
    ```

    Constraints:
    - (C1) `bits` is in [1, 16].
    - (C2) dim(x, 1) = dim(codes, 1) * bits.
    - (C3) codes and scores have equal shapes, and as many tokens as x.
    - (C4) the element type of codes has at least `bits` bits.
    - (C5) `temperature` is positive and finite, and 1 for `magnitude`.
  }];
  let arguments = (ins MF_Shaped<2, [F32]>:$x, MF_Shaped<2, MF_CodeTypes>:$codes_init,
                       MF_Shaped<2, [F32]>:$scores_init, MF_ScoreKindAttr:$score, I64Attr:$bits,
                       DefaultValuedAttr<F64Attr, "1.0">:$temperature, MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $score `bits` `(` $bits `)` (`temperature` `(` $temperature^ `)`)? (`strategy` `(` $strategy^ `)`)?
    `ins` `(` $x `:` type($x) `)`
    `outs` `(` $codes_init `,` $scores_init `:` type($codes_init) `,` type($scores_init) `)` attr-dict
    (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() {
      return ::mlir::MutableOperandRange(getOperation(), 1, 2);
    }
    /// Number K of chunks of a row.
    int64_t getNumTables();
  }];
}

def MF_LookupOp : MF_ComputeOp<"lookup", [AttrSizedOperandSegments]> {
  let summary = "Score-weighted sums of table rows";
  let description = [{
    For each table set j: y_j[m, :] = bias_j[:] + sum over k of scores[m, k] * tables_j[k, codes[m, k], :]; codes are
    unsigned. Products and sums are in f32, k ascending, starting from the bias (0 where there is none).

    ```mlir
    %q, %k = mf.lookup ins(%codes, %scores : tensor<?x64xi8>, tensor<?x64xf32>)
        tables(%tq, %tk : tensor<64x256x512xf32>, tensor<64x256x512xf32>)
        biases(%bq, %bk : tensor<512xf32>, tensor<512xf32>)
        outs(%yq, %yk : tensor<?x512xf32>, tensor<?x512xf32>) -> tensor<?x512xf32>, tensor<?x512xf32>
    ```

    With quantised tables (i8, or i4 in pairs) the scores are those of `mf.quantize_rows`, and
    y_j[m, n] = bias_j[n] + (sum over k of scores[m, k] * tables_j[k, codes[m, k], n]) * table_scales_j[n] *
    score_scales[m]. The sum is one of integers, and so exact in any order; it is converted to f32, multiplied by
    table_scales_j[n], then by score_scales[m]. That quantised scores are not negative, as those of a hash, is the
    caller's duty.

    ```mlir
    %y = mf.lookup ins(%codes, %quantized : tensor<?x64xi8>, tensor<?x64xi8>) score_scales(%s : tensor<?xf32>)
        tables(%t : tensor<64x256x512xi8>) table_scales(%ts : tensor<512xf32>) biases(%b : tensor<512xf32>)
        outs(%init : tensor<?x512xf32>) -> tensor<?x512xf32>
    ```

    With `layout`, the operands `tables` have the stored shape that the layout gives to [K, 2^tau, N]. `scratch`, on
    memrefs only, is memory that the kernel may use: one element of 32 bits for each token and column of a strip.

    Constraints:
    - (C1) at least one table set; as many destinations as table sets; no biases or as many as table sets.
    - (C2) codes and scores have equal shapes [tokens, K].
    - (C3) the (stored) shape of tables_j is that of [K, 2^tau, N_j], all static, for one tau in [1, 16] common to all
      sets.
    - (C4) the element type of codes has at least tau bits.
    - (C5) bias_j is [N_j], destination j is [tokens, N_j].
    - (C6) either scores and tables are floats, and there are no scales; or both are i8, score_scales is [tokens], and
      table_scales_j, one per set, is [N_j]. Then K is at most 65,536, so that no sum overflows.
  }];
  let arguments = (ins MF_Shaped<2, MF_CodeTypes>:$codes, MF_Shaped<2, [F32, I8]>:$scores,
                       Optional<MF_Shaped<1, [F32]>>:$score_scales,
                       Variadic<MF_AnyShaped<MF_StoredElements>>:$tables,
                       Variadic<MF_Shaped<1, [F32]>>:$table_scales,
                       Variadic<MF_Shaped<1, MF_StoredFloats>>:$biases, Variadic<MF_Shaped<2, [F32]>>:$inits,
                       Optional<MemRefRankOf<[I32], [2]>>:$scratch,
                       OptionalAttr<MF_TableLayoutAttr>:$layout, MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    (`layout` `(` $layout^ `)`)? (`strategy` `(` $strategy^ `)`)?
    `ins` `(` $codes `,` $scores `:` type($codes) `,` type($scores) `)`
    (`score_scales` `(` $score_scales^ `:` type($score_scales) `)`)?
    `tables` `(` $tables `:` type($tables) `)`
    (`table_scales` `(` $table_scales^ `:` type($table_scales) `)`)?
    (`biases` `(` $biases^ `:` type($biases) `)`)?
    `outs` `(` $inits `:` type($inits) `)` (`scratch` `(` $scratch^ `:` type($scratch) `)`)? attr-dict
    (`->` type($results)^)?
  }];
  let hasCanonicalizer = 1;
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitsMutable(); }
    /// Number K of tables of a set.
    int64_t getNumTables();
    /// Bits tau of a code: each table has 2^tau rows.
    int64_t getCodeBits();
    /// Whether tables and scores are integers.
    bool isQuantized() { return !getTableScales().empty(); }
    /// The op with only these sets, on their inits.
    ::mlir::mf::LookupOp withSets(::mlir::OpBuilder &b, ::llvm::ArrayRef<unsigned> sets);
  }];
}

def MF_QuantizeRowsOp : MF_ComputeOp<"quantize_rows"> {
  let summary = "Rows as 8-bit integers with a scale each";
  let description = [{
    scales[m] = max over i of |x[m, i]| / 127, q[m, i] = x[m, i] * (127 / max) rounded to the nearest integer, ties to
    even, in [-127, 127]. A row of zeros has the scale 0. A row with an infinity or a NaN has a scale that is none either,
    so that what is computed from it is not finite. No product is fused: the bits are the same in every variant.

    ```mlir
    %q, %s = mf.quantize_rows ins(%x : tensor<?x64xf32>) outs(%qi, %si : tensor<?x64xi8>, tensor<?xf32>)
        -> tensor<?x64xi8>, tensor<?xf32>
    ```

    Constraints:
    - (C1) x and q have equal shapes [tokens, d]; scales is [tokens].
  }];
  let arguments = (ins MF_Shaped<2, [F32]>:$x, MF_Shaped<2, [I8]>:$q_init, MF_Shaped<1, [F32]>:$scales_init,
                       MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    (`strategy` `(` $strategy^ `)`)? `ins` `(` $x `:` type($x) `)`
    `outs` `(` $q_init `,` $scales_init `:` type($q_init) `,` type($scales_init) `)` attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() {
      return ::mlir::MutableOperandRange(getOperation(), 1, 2);
    }
  }];
}

//===----------------------------------------------------------------------===//
// Row-wise ops
//===----------------------------------------------------------------------===//

def MF_RMSNormOp : MF_ComputeOp<"rms_norm"> {
  let summary = "Root-mean-square norm, eps outside the root";
  let description = [{
    y = scale * x / (sqrt(mean(x^2)) + eps) over each row. A row of zeros gives zeros.

    ```mlir
    %y = mf.rms_norm ins(%x, %scale : tensor<?x512xf32>, tensor<512xf32>) outs(%init : tensor<?x512xf32>)
        {eps = 1.0e-8 : f64} -> tensor<?x512xf32>
    ```

    Constraints:
    - (C1) x and the destination have equal shapes [tokens, d]; scale is [d].
    - (C2) `eps` is finite and not negative.
  }];
  let arguments = (ins MF_Shaped<2, [F32]>:$x, MF_Shaped<1, MF_StoredFloats>:$scale, MF_Shaped<2, [F32]>:$init,
                       DefaultValuedAttr<F64Attr, "1.0e-8">:$eps, MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    (`strategy` `(` $strategy^ `)`)? `ins` `(` $x `,` $scale `:` type($x) `,` type($scale) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

def MF_LayerNormOp : MF_ComputeOp<"layer_norm"> {
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

def MF_AddOp : MF_ComputeOp<"add"> {
  let summary = "Sum of two activations (residual connection)";
  let description = [{
    y = a + b elementwise.

    ```mlir
    %y = mf.add ins(%a, %b : tensor<?x512xf32>, tensor<?x512xf32>) outs(%init : tensor<?x512xf32>)
        -> tensor<?x512xf32>
    ```

    Constraints:
    - (C1) a, b and the destination have equal shapes.
  }];
  let arguments = (ins MF_Shaped<2, [F32]>:$a, MF_Shaped<2, [F32]>:$b, MF_Shaped<2, [F32]>:$init,
                       MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    (`strategy` `(` $strategy^ `)`)? `ins` `(` $a `,` $b `:` type($a) `,` type($b) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
  let hasCanonicalizer = 1;
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

def MF_RopeOp : MF_ComputeOp<"rope"> {
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

def MF_EmbeddingOp : MF_ComputeOp<"embedding"> {
  let summary = "Rows of a table by index";
  let description = [{
    y[t, :] = table[ids[t], :], converted to f32. Also the gather of some rows of an activation. An id outside [0, rows)
    reads the nearest row.

    ```mlir
    %y = mf.embedding ins(%ids, %table : tensor<?xi32>, tensor<50304x512xf16>) outs(%init : tensor<?x512xf32>)
        -> tensor<?x512xf32>
    ```

    Constraints:
    - (C1) ids is [tokens], table [rows, d], the destination [tokens, d].
  }];
  let arguments = (ins MF_Shaped<1, MF_IndexTypes>:$ids, MF_Shaped<2, MF_StoredFloats>:$table,
                       MF_Shaped<2, [F32]>:$init, MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    (`strategy` `(` $strategy^ `)`)? `ins` `(` $ids `,` $table `:` type($ids) `,` type($table) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

def MF_LinearOp : MF_ComputeOp<"linear", [AttrSizedOperandSegments]> {
  let summary = "Dense layer";
  let description = [{
    y[m, n] = sum over d of x[m, d] * weight[n, d], in f32. With `layout`, `weight` has the stored shape that the layout
    gives to [N, D], and d ascends; without, the sum goes lane by lane, in an order that is fixed for a strategy.

    ```mlir
    %y = mf.linear ins(%x, %weight : tensor<?x512xf32>, tensor<50304x512xf16>) outs(%init : tensor<?x50304xf32>)
        -> tensor<?x50304xf32>
    ```

    With a quantised weight (i8, or i4 in pairs) x comes from `mf.quantize_rows`, the features are in G groups of D / G,
    and y[m, n] = x_scales[m] * sum over g of weight_scales[g, n] * (sum over d in group g of x[m, d] * weight[n, d]). The
    inner sums are ones of integers; the outer one goes with g ascending.

    ```mlir
    %y = mf.linear layout(#mf.panel_layout<columns = 32, interleave = 4>)
        ins(%q, %weight : tensor<?x512xi8>, tensor<1572x128x32x4xi8>)
        scales(%s, %ws : tensor<?xf32>, tensor<1x50304xf32>) outs(%init : tensor<?x50304xf32>) -> tensor<?x50304xf32>
    ```

    Constraints:
    - (C1) x is [tokens, D], the destination [tokens, N].
    - (C2) the (stored) shape of weight is that of [N, D].
    - (C3) either x is f32 and weight floats, and there are no scales; or both are i8, x_scales is [tokens] and
      weight_scales is [G, N] with G static and a divisor of D. Then D / G is at most 65,536, so that no sum overflows.
  }];
  let arguments = (ins MF_Shaped<2, [F32, I8]>:$x, MF_AnyShaped<MF_StoredElements>:$weight,
                       Optional<MF_Shaped<1, [F32]>>:$x_scales, Optional<MF_Shaped<2, [F32]>>:$weight_scales,
                       MF_Shaped<2, [F32]>:$init,
                       OptionalAttr<MF_PanelLayoutAttr>:$layout, MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    (`layout` `(` $layout^ `)`)? (`strategy` `(` $strategy^ `)`)?
    `ins` `(` $x `,` $weight `:` type($x) `,` type($weight) `)`
    (`scales` `(` $x_scales^ `,` $weight_scales `:` type($x_scales) `,` type($weight_scales) `)`)?
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
    /// Whether weight and x are integers.
    bool isQuantized() { return static_cast<bool>(getWeightScales()); }
  }];
}

//===----------------------------------------------------------------------===//
// Attention and sequence state
//===----------------------------------------------------------------------===//

def MF_AttentionOp : MF_ComputeOp<"attention"> {
  let summary = "Exact multi-head attention of one sequence";
  let description = [{
    y[i, h, :] = sum_j softmax_j(scale * q[i, h, :] . k[j, g, :]) v[j, g, :], g = h / (H / H_kv). With `causal` the sum is
    over j <= i + (S - T): the mask is aligned at the bottom right. A row without any key gives 0.

    ```mlir
    %y = mf.attention causal scale(0.125) ins(%q, %k, %v : tensor<?x8x64xf32>, tensor<?x2x64xf32>, tensor<?x2x64xf32>)
        outs(%init : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
    ```

    Constraints:
    - (C1) q is [T, H, d], k [S, H_kv, d], v [S, H_kv, e], the destination [T, H, e].
    - (C2) H_kv divides H.
    - (C3) `scale` is finite.
  }];
  let arguments = (ins MF_Shaped<3, [F32]>:$q, MF_Shaped<3, [F32]>:$k, MF_Shaped<3, [F32]>:$v,
                       MF_Shaped<3, [F32]>:$init, UnitAttr:$causal, F64Attr:$scale, MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    (`causal` $causal^)? `scale` `(` $scale `)` (`strategy` `(` $strategy^ `)`)?
    `ins` `(` $q `,` $k `,` $v `:` type($q) `,` type($k) `,` type($v) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

def MF_CachedAttentionOp : MF_ComputeOp<"cached_attention"> {
  let summary = "Exact causal multi-head attention of a batch of sequences over their caches";
  let description = [{
    Token t belongs to the sequence in slot b = slots[t], at position p = positions[t]:
    y[t, h, :] = sum over j <= p of softmax_j(scale * q[t, h, :] . keys[b, g, j, :]) values[b, g, j, :], g = h / (H / H_kv).
    The caches hold the token's own key and value already (`mf.update_state`). The result of a token depends on nothing
    but its query and its sequence's cache, bit for bit.

    ```mlir
    %y = mf.cached_attention scale(0.125)
        ins(%q, %keys, %values, %slots, %positions : tensor<?x8x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>,
            tensor<?xi32>, tensor<?xi32>)
        outs(%init : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
    ```

    Constraints:
    - (C1) q is [T, H, d], keys [B, H_kv, P, d], values [B, H_kv, P, e], slots and positions [T], the destination [T, H, e].
    - (C2) H_kv divides H.
    - (C3) `scale` is finite.

    slots[t] in [0, B) and positions[t] in [0, P) are the caller's duty.
  }];
  let arguments = (ins MF_Shaped<3, [F32]>:$q, MF_Shaped<4, [F32]>:$keys, MF_Shaped<4, [F32]>:$values,
                       MF_Shaped<1, [I32]>:$slots, MF_Shaped<1, [I32]>:$positions, MF_Shaped<3, [F32]>:$init,
                       F64Attr:$scale, MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `scale` `(` $scale `)` (`strategy` `(` $strategy^ `)`)?
    `ins` `(` $q `,` $keys `,` $values `,` $slots `,` $positions `:` type($q) `,` type($keys) `,` type($values) `,`
    type($slots) `,` type($positions) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

def MF_UpdateStateOp : MF_ComputeOp<"update_state"> {
  let summary = "Writes the tokens' rows into their sequences' caches";
  let description = [{
    state[slots[t], h, positions[t], :] = x[t, h, :] for every token t; everything else of the state stays.

    ```mlir
    %new = mf.update_state ins(%k, %slots, %positions : tensor<?x8x64xf32>, tensor<?xi32>, tensor<?xi32>)
        outs(%cache : tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32>
    ```

    Constraints:
    - (C1) x is [T, H, d], slots and positions are [T], the state is [B, H, P, d].

    slots[t] in [0, B), positions[t] in [0, P), and different places of different tokens are the caller's duty.
  }];
  let arguments = (ins MF_Shaped<3, [F32]>:$x, MF_Shaped<1, [I32]>:$slots, MF_Shaped<1, [I32]>:$positions,
                       MF_Shaped<4, [F32]>:$state, MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    (`strategy` `(` $strategy^ `)`)?
    `ins` `(` $x `,` $slots `,` $positions `:` type($x) `,` type($slots) `,` type($positions) `)`
    `outs` `(` $state `:` type($state) `)` attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getStateMutable(); }
  }];
}

#endif // MF_DIALECT_MF_IR_MFOPS_TD
