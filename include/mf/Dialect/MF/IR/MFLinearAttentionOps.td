// Attention whose cost grows with the tokens and not with their square: linear attention, of a whole sequence and token
// by token, and the projection of a sequence to a fixed length.
#ifndef MF_DIALECT_MF_IR_MFLINEARATTENTIONOPS_TD
#define MF_DIALECT_MF_IR_MFLINEARATTENTIONOPS_TD

include "mf/Dialect/MF/IR/MFOpBase.td"

def MF_LinearAttentionOp : MF_ComputeOp<"linear_attention", [MF_StatesCost, AttrSizedOperandSegments]> {
  let summary = "Linear multi-head attention of one sequence";
  let description = [{
    y[i, h, :] = sum_j a_ij v[j, h, :] / den(sum_j a_ij), a_ij = phi_i(q[i, h, :]) . phi_j(k[j, h, :]). The feature map
    says phi and den. With `causal` the sums are over j <= i. A denominator of 0 gives 0.

    Sums are taken in chunks of `chunk` tokens: phi(k) v^T is summed over the chunks before that of token i, and inside of
    its chunk the weights are computed. So a causal result depends on nothing after its token, bit for bit. That is the
    form `chunked`. `recurrent` is the same with chunks of one token; `quadratic` computes the weights of all pairs of
    tokens and has no sums. The three are equal but for rounding; `mf-convert-attention-form` makes one of another, and
    `chunk` stays for the way back.

    ```mlir
    %y = mf.linear_attention causal features(#mf.favor_features<kind = softmax>) chunk(32)
        ins(%q, %k, %v : tensor<?x8x64xf32>, tensor<?x8x64xf32>, tensor<?x8x64xf32>) projection(%w : tensor<256x64xf32>)
        outs(%init : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
    ```

    Constraints:
    - (C1) q is [T, H, d], k [S, H, d], v [S, H, e], the destination [T, H, e]; with `causal` S = T.
    - (C2) there is a projection where the map has one, and only there: [m, d], or with `layout` as that stores it, in
      whole panels.
    - (C3) `chunk` is in [1, 1024].
    - (C4) on memrefs, `scratch` has the size of a state (`mf.recurrent_attention`), or of one for each head.
  }];
  let arguments = (ins MF_Shaped<3, [F32]>:$q, MF_Shaped<3, [F32]>:$k, MF_Shaped<3, [F32]>:$v,
                       Optional<MF_AnyShaped<MF_StoredFloats>>:$projection, MF_Shaped<3, [F32]>:$init,
                       Optional<MemRefRankOf<[F32], [1]>>:$scratch, UnitAttr:$causal,
                       MF_FeatureMapAttrInterface:$features, I64Attr:$chunk,
                       DefaultValuedAttr<MF_AttentionFormAttr, "::mlir::mf::AttentionForm::Chunked">:$form,
                       OptionalAttr<MF_PanelLayoutAttr>:$layout, MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    (`causal` $causal^)? `features` `(` $features `)` `chunk` `(` $chunk `)` (`form` $form^)?
    (`layout` `(` $layout^ `)`)? (`strategy` `(` $strategy^ `)`)?
    `ins` `(` $q `,` $k `,` $v `:` type($q) `,` type($k) `,` type($v) `)`
    (`projection` `(` $projection^ `:` type($projection) `)`)?
    `outs` `(` $init `:` type($init) `)` (`scratch` `(` $scratch^ `:` type($scratch) `)`)?
    attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
    bool isKernelScratch(::mlir::OpOperand &operand) { return operand.get() == getScratch(); }
    /// Tokens that come into the sums together: 1 in the recurrent form. Not for the quadratic one, which has no sums.
    int64_t getSumChunk() { return getForm() == ::mlir::mf::AttentionForm::Recurrent ? 1 : getChunk(); }
    /// The state that its sums are kept in.
    ::mlir::mf::RecurrentState getStateLayout();
  }];
}

def MF_RecurrentAttentionOp : MF_ComputeOp<"recurrent_attention", [MF_StatesCost]> {
  let summary = "Causal linear multi-head attention of a batch of sequences over their states";
  let description = [{
    `mf.linear_attention`, token by token. Token t belongs to the sequence in slot slots[t], at position positions[t]; its
    key and value are added to state[slots[t], h, :], and its result is that of `mf.linear_attention causal` at that
    position, bit for bit, however the tokens were cut into calls: the state holds sums over whole chunks and the features
    and values of the chunk that has begun (`RecurrentState`). Its size does not grow with the sequence.

    ```mlir
    %y, %new = mf.recurrent_attention features(#mf.elu_features) chunk(32)
        ins(%q, %k, %v, %slots, %positions : tensor<?x8x64xf32>, tensor<?x8x64xf32>, tensor<?x8x64xf32>, tensor<?xi32>,
            tensor<?xi32>)
        outs(%init, %state : tensor<?x8x64xf32>, tensor<?x8x8256xf32>) -> tensor<?x8x64xf32>, tensor<?x8x8256xf32>
    ```

    Constraints:
    - (C1) q and k are [T, H, d], v [T, H, e], slots and positions [T], the first destination [T, H, e], the state
      [B, H, N].
    - (C2) there is a projection where the map has one, and only there: [m, d], or with `layout` as that stores it, in
      whole panels.
    - (C3) `chunk` is in [1, 1024].
    - (C4) N is the size of `RecurrentState`.

    slots[t] in [0, B) is the caller's duty, and so are ascending positions of a sequence without a gap: a token's is the
    number of its sequence's tokens before. The state of an empty sequence is 0.
  }];
  let arguments = (ins MF_Shaped<3, [F32]>:$q, MF_Shaped<3, [F32]>:$k, MF_Shaped<3, [F32]>:$v,
                       MF_Shaped<1, [I32]>:$slots, MF_Shaped<1, [I32]>:$positions,
                       Optional<MF_AnyShaped<MF_StoredFloats>>:$projection, MF_Shaped<3, [F32]>:$init,
                       MF_Shaped<3, [F32]>:$state, MF_FeatureMapAttrInterface:$features, I64Attr:$chunk,
                       OptionalAttr<MF_PanelLayoutAttr>:$layout, MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `features` `(` $features `)` `chunk` `(` $chunk `)` (`layout` `(` $layout^ `)`)?
    (`strategy` `(` $strategy^ `)`)?
    `ins` `(` $q `,` $k `,` $v `,` $slots `,` $positions `:` type($q) `,` type($k) `,` type($v) `,` type($slots) `,`
    type($positions) `)`
    (`projection` `(` $projection^ `:` type($projection) `)`)?
    `outs` `(` $init `,` $state `:` type($init) `,` type($state) `)` attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable();
    bool keepsDestination(unsigned number) { return number == 1; }
    ::mlir::mf::RecurrentState getStateLayout();
  }];
}

def MF_ProjectSequenceOp : MF_ComputeOp<"project_sequence", [MF_StatesCost]> {
  let summary = "Linear combinations of a sequence's tokens";
  let description = [{
    y[r, h, :] = sum_t w[r, t] x[t, h, :]: the Linformer's E K and F V. Every row mixes all tokens. A sequence of fewer
    tokens than w has columns is as if zeros followed it.

    ```mlir
    %y = mf.project_sequence ins(%x, %w : tensor<?x8x64xf32>, tensor<256x2048xf32>) outs(%init : tensor<256x8x64xf32>)
        -> tensor<256x8x64xf32>
    ```

    Constraints:
    - (C1) x is [T, H, d], w [R, n], the destination [R, H, d].
    - (C2) T is at most n, where it is known; otherwise that is the caller's duty.
  }];
  let arguments = (ins MF_Shaped<3, [F32]>:$x, MF_Shaped<2, MF_StoredFloats>:$w, MF_Shaped<3, [F32]>:$init,
                       MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    (`strategy` `(` $strategy^ `)`)? `ins` `(` $x `,` $w `:` type($x) `,` type($w) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

#endif // MF_DIALECT_MF_IR_MFLINEARATTENTIONOPS_TD
