// Attention, and the sequence state that it reads.
#ifndef MF_DIALECT_MF_IR_MFATTENTIONOPS_TD
#define MF_DIALECT_MF_IR_MFATTENTIONOPS_TD

include "mf/Dialect/MF/IR/MFOpBase.td"

def MF_AttentionOp : MF_ComputeOp<"attention", [MF_StatesCost]> {
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

def MF_CachedAttentionOp : MF_ComputeOp<"cached_attention", [MF_StatesCost]> {
  let summary = "Exact causal multi-head attention of a batch of sequences over their caches";
  let description = [{
    Token t belongs to the sequence in slot b = slots[t], at position p = positions[t]:
    y[t, h, :] = sum over j <= p of softmax_j(scale * q[t, h, :] . keys[b, g, j, :]) values[b, g, j, :], g = h / (H / H_kv).
    The caches hold the token's own key and value already (`mf.update_state`). The result of a token depends on nothing
    but its query and its sequence's cache, bit for bit. Caches of f16 and bf16 are read as the f32 values that they hold.
    `layout` says how `keys` lies in memory, `values_layout` how `values` does. With layouts in pairs (`#mf.cache_layout`)
    queries and weights may be rounded to bf16 too, before their products are added up in f32. `scratch`, on memrefs
    only, is memory that the kernel may use; which, its strategy says.

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
    - (C4) With a layout, P is a multiple of its keys where it is static, and the cache's features are one of its features.
    - (C5) `layout` is one of keys, `values_layout` is not; one in pairs is of bf16.

    slots[t] in [0, B), positions[t] in [0, P) and a P that is a multiple of the layouts' keys are the caller's duty.
  }];
  let arguments = (ins MF_Shaped<3, [F32]>:$q, MF_Shaped<4, MF_StoredFloats>:$keys,
                       MF_Shaped<4, MF_StoredFloats>:$values, MF_Shaped<1, [I32]>:$slots,
                       MF_Shaped<1, [I32]>:$positions, MF_Shaped<3, [F32]>:$init,
                       Variadic<AnyMemRef>:$scratch, F64Attr:$scale,
                       OptionalAttr<MF_CacheLayoutAttr>:$layout, OptionalAttr<MF_CacheLayoutAttr>:$values_layout,
                       MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `scale` `(` $scale `)` (`layout` `(` $layout^ `)`)? (`values_layout` `(` $values_layout^ `)`)? (`strategy` `(` $strategy^ `)`)?
    `ins` `(` $q `,` $keys `,` $values `,` $slots `,` $positions `:` type($q) `,` type($keys) `,` type($values) `,`
    type($slots) `,` type($positions) `)`
    `outs` `(` $init `:` type($init) `)` (`scratch` `(` $scratch^ `:` type($scratch) `)`)? attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
    bool isKernelScratch(::mlir::OpOperand &operand) { return ::llvm::is_contained(getScratch(), operand.get()); }
  }];
}

def MF_UpdateStateOp : MF_ComputeOp<"update_state", [MF_StatesCost]> {
  let summary = "Writes the tokens' rows into their sequences' caches";
  let description = [{
    state[slots[t], h, positions[t], :] = x[t, h, :] for every token t; everything else of the state stays. Elements are
    rounded to those of the state, to nearest, ties to even. `layout` says how the state lies in memory.

    ```mlir
    %new = mf.update_state ins(%k, %slots, %positions : tensor<?x8x64xf32>, tensor<?xi32>, tensor<?xi32>)
        outs(%cache : tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32>
    ```

    Constraints:
    - (C1) x is [T, H, d], slots and positions are [T], the state is [B, H, P, d].
    - (C2) With `layout`, P is a multiple of its keys where it is static, and d one of its features; one in pairs is of
      bf16.

    slots[t] in [0, B), positions[t] in [0, P), different places of different tokens, and a P that is a multiple of the
    layout's keys are the caller's duty.
  }];
  let arguments = (ins MF_Shaped<3, [F32]>:$x, MF_Shaped<1, [I32]>:$slots, MF_Shaped<1, [I32]>:$positions,
                       MF_Shaped<4, MF_StoredFloats>:$state, OptionalAttr<MF_CacheLayoutAttr>:$layout,
                       MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    (`layout` `(` $layout^ `)`)? (`strategy` `(` $strategy^ `)`)?
    `ins` `(` $x `,` $slots `,` $positions `:` type($x) `,` type($slots) `,` type($positions) `)`
    `outs` `(` $state `:` type($state) `)` attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getStateMutable(); }
    bool keepsDestination(unsigned) { return true; }
  }];
}

#endif // MF_DIALECT_MF_IR_MFATTENTIONOPS_TD
