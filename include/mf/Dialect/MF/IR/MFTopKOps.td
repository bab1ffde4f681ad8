// The largest elements of rows: the best of each run of columns, then the best of those.
#ifndef MF_DIALECT_MF_IR_MFTOPKOPS_TD
#define MF_DIALECT_MF_IR_MFTOPKOPS_TD

include "mf/Dialect/MF/IR/MFOpBase.td"

def MF_TopKOp : MF_ComputeOp<"top_k"> {
  let summary = "The largest elements of each run of columns";
  let description = [{
    A row of N elements is cut into T = ceil(N / c) runs of c `columns`, the last one of what is left. values[m, t, :] are
    the k largest elements of run t of row m in descending order, ids[m, t, :] their places in the run. Of equal elements
    the one with the lower place comes first. NaN and minus infinity are never among them: where fewer than k others are,
    the value is minus infinity and the id -1.

    ```mlir
    %v, %i = mf.top_k columns(384) ins(%logits : tensor<?x50304xf32>)
        outs(%vi, %ii : tensor<?x131x1xf32>, tensor<?x131x1xi32>) -> tensor<?x131x1xf32>, tensor<?x131x1xi32>
    ```

    The runs are a loop: where x is what an `mf.linear` gives to this op alone, `mf-tile-and-fuse` computes a run's columns
    right before they are looked through, and x is never written.

    Constraints:
    - (C1) x is [tokens, N], both destinations [tokens, T, k].
    - (C2) columns is positive and T = ceil(N / columns) where both are known.
  }];
  let arguments = (ins MF_Shaped<2, [F32]>:$x, MF_Shaped<3, [F32]>:$values_init, MF_Shaped<3, [I32]>:$ids_init,
                       I64Attr:$columns, MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `columns` `(` $columns `)` (`strategy` `(` $strategy^ `)`)? `ins` `(` $x `:` type($x) `)`
    `outs` `(` $values_init `,` $ids_init `:` type($values_init) `,` type($ids_init) `)` attr-dict
    (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() {
      return ::mlir::MutableOperandRange(getOperation(), 1, 2);
    }
  }];
}

def MF_MergeTopKOp : MF_ComputeOp<"merge_top_k"> {
  let summary = "The largest elements of rows from those of their runs";
  let description = [{
    From the results of `mf.top_k` with the same `columns`: values[m, :] are the k largest elements of row m in descending
    order, ids[m, :] their columns, t * columns + run_ids[m, t, j]. Of equal elements the one with the lower column comes
    first; -1 where there is none.

    ```mlir
    %v, %i = mf.merge_top_k columns(384) ins(%rv, %ri : tensor<?x131x1xf32>, tensor<?x131x1xi32>)
        outs(%vi, %ii : tensor<?x1xf32>, tensor<?x1xi32>) -> tensor<?x1xf32>, tensor<?x1xi32>
    ```

    Constraints:
    - (C1) the runs' values and ids are [tokens, T, k], both destinations [tokens, k].
    - (C2) columns is positive.
  }];
  let arguments = (ins MF_Shaped<3, [F32]>:$run_values, MF_Shaped<3, [I32]>:$run_ids, MF_Shaped<2, [F32]>:$values_init,
                       MF_Shaped<2, [I32]>:$ids_init, I64Attr:$columns, MF_OptionalStrategy:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `columns` `(` $columns `)` (`strategy` `(` $strategy^ `)`)?
    `ins` `(` $run_values `,` $run_ids `:` type($run_values) `,` type($run_ids) `)`
    `outs` `(` $values_init `,` $ids_init `:` type($values_init) `,` type($ids_init) `)` attr-dict
    (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() {
      return ::mlir::MutableOperandRange(getOperation(), 2, 2);
    }
  }];
}

#endif // MF_DIALECT_MF_IR_MFTOPKOPS_TD
