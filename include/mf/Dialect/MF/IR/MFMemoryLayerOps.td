// Ops of memory layers: hash, lookup, and the quantisation of what meets quantised tables.
#ifndef MF_DIALECT_MF_IR_MFMEMORYLAYEROPS_TD
#define MF_DIALECT_MF_IR_MFMEMORYLAYEROPS_TD

include "mf/Dialect/MF/IR/MFOpBase.td"

def MF_HashOp : MF_ComputeOp<"hash", [MF_StatesCost]> {
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
    /// The factor of score is 1 + 2^(slope |z|): what exp(-2 |z| / t) is in powers of two.
    float getExp2Slope();
    /// Number K of chunks of a row.
    int64_t getNumTables();
  }];
}

def MF_LookupOp : MF_ComputeOp<"lookup", [MF_StatesCost, AttrSizedOperandSegments]> {
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

    Pruned tables are one table that all chunks share, [1, R, N]: the codes are numbers of its rows, those that
    `mf.map_codes` finds, and y_j[m, :] = bias_j[:] + sum over k of scores[m, k] * tables_j[0, codes[m, k], :].

    With `layout`, the operands `tables` have the stored shape that the layout gives to [K, 2^tau, N]. `scratch`, on
    memrefs only, is memory that the kernel may use; which, its strategy says.

    Constraints:
    - (C1) at least one table set; as many destinations as table sets; no biases or as many as table sets.
    - (C2) codes and scores have equal shapes [tokens, K].
    - (C3) the (stored) shape of tables_j is that of [K, 2^tau, N_j], all static, for one tau in [1, 16] common to all
      sets; or that of [1, R, N_j] for one R from 1 on, in which case tau bits are those that number R rows.
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
                       Variadic<AnyMemRef>:$scratch,
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
    bool isKernelScratch(::mlir::OpOperand &operand) { return ::llvm::is_contained(getScratch(), operand.get()); }
    /// Number K of tables of a set.
    int64_t getNumTables();
    /// Whether all chunks look up in one table, as they do in pruned ones.
    bool hasSharedRows();
    /// Rows of a table; of a shared one, those that fall to each chunk, rounded up.
    int64_t getTableRows();
    /// Bits tau of a code: each table has 2^tau rows, or at most as many.
    int64_t getCodeBits();
    /// Whether tables and scores are integers.
    bool isQuantized() { return !getTableScales().empty(); }
    /// The op with only these sets, on their inits.
    ::mlir::mf::LookupOp withSets(::mlir::OpBuilder &b, ::llvm::ArrayRef<unsigned> sets);
  }];
}

def MF_MapCodesOp : MF_ComputeOp<"map_codes", [MF_StatesCost]> {
  let summary = "Row numbers of codes in pruned tables";
  let description = [{
    rows[m, k] = map[k, codes[m, k]]; codes are unsigned, and so are row numbers.

    ```mlir
    %rows = mf.map_codes ins(%codes, %map : tensor<?x64xi8>, tensor<64x256xi16>) outs(%init : tensor<?x64xi16>)
        -> tensor<?x64xi16>
    ```

    Constraints:
    - (C1) codes and rows have equal shapes [tokens, K]; map is [K, 2^tau], static, for a tau in [1, 16].
    - (C2) map and rows have one element type; that of codes has at least tau bits.
  }];
  let arguments = (ins MF_Shaped<2, MF_CodeTypes>:$codes, MF_Shaped<2, [I16, I32]>:$map,
                       MF_Shaped<2, [I16, I32]>:$init, MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    (`strategy` `(` $strategy^ `)`)? `ins` `(` $codes `,` $map `:` type($codes) `,` type($map) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

def MF_QuantizeRowsOp : MF_ComputeOp<"quantize_rows", [MF_StatesCost]> {
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

#endif // MF_DIALECT_MF_IR_MFMEMORYLAYEROPS_TD
