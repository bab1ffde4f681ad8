// How ops are computed, on CPUs and GPUs, and rules that choose it. MFAttributes.td includes this file.
#ifndef MF_DIALECT_MF_IR_MFSTRATEGIES_TD
#define MF_DIALECT_MF_IR_MFSTRATEGIES_TD

//===----------------------------------------------------------------------===//
// Strategies on CPUs
//===----------------------------------------------------------------------===//

class MF_StrategyAttr<string name, string attrMnemonic>
    : MF_Attr<name, attrMnemonic, [DeclareAttrInterfaceMethods<MF_StrategyAttrInterface>]> {
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def MF_CPURowsAttr : MF_StrategyAttr<"CPURows", "cpu_rows"> {
  let summary = "Row by row: norms, rotary embedding, embedding, sums";
  let parameters = (ins "int64_t":$tokens, "int64_t":$lanes);
}

def MF_CPUHashAttr : MF_StrategyAttr<"CPUHash", "cpu_hash"> {
  let summary = "Codes and scores of `tables` chunks at a time, a lane each";
  let parameters = (ins "int64_t":$tokens, "int64_t":$tables);
}

def MF_CPURowGatherAttr : MF_StrategyAttr<"CPURowGather", "cpu_row_gather"> {
  let summary = "Lookup token by token: `columns` accumulators in registers while all tables pass";
  let parameters = (ins "int64_t":$tokens, "int64_t":$columns, "int64_t":$lanes);
}

def MF_CPUStripsAttr : MF_StrategyAttr<"CPUStrips", "cpu_strips"> {
  let summary = "Lookup strip by strip: blocks of `tables` tables stay in cache while all tokens pass";
  let description = [{
    For many tokens: all of them pass `row_bytes` bytes of each row of a block of `tables` tables, then the next bytes of
    these rows, then the next block. Their sums are kept in scratch meanwhile, i32 [passes, tokens, columns of a pass].
    Where there are several blocks, the codes, and scores of integers, are copied to scratch [blocks, tokens, tables]
    first, in the order in which they are read. The rows of the token `ahead` tokens later are prefetched into the
    first-level cache, what the next pass reads into the second: all rows, or below `named_tokens` tokens those that
    codes name. Below `gather_tokens` tokens: token by token, the rows of the table `gather_ahead` tables later are
    prefetched. All of them give the same bits. `strips` strips are one iteration of the parallel loop.
  }];
  let parameters = (ins "int64_t":$strips, "int64_t":$tables, "int64_t":$row_bytes, "int64_t":$ahead,
                        "int64_t":$named_tokens, "int64_t":$gather_tokens, "int64_t":$gather_ahead, "int64_t":$lanes);
}

def MF_CPUFlashAttr : MF_StrategyAttr<"CPUFlash", "cpu_flash"> {
  let summary = "Attention with a running maximum: `queries` rows against blocks of `keys` keys";
  let description = [{
    A task is `queries` tokens of a head. Blocks begin at multiples of `keys`. The scores of `rows` queries and `vectors`
    vectors of keys, then the results of `rows` queries in `vectors` vectors, are summed in registers.
  }];
  let parameters = (ins "int64_t":$queries, "int64_t":$keys, "int64_t":$rows, "int64_t":$vectors, "int64_t":$lanes);
}

def MF_CPULinearAttentionAttr : MF_StrategyAttr<"CPULinearAttention", "cpu_linear_attention"> {
  let summary = "Linear attention in chunks: `rows` tokens or features against `columns` columns in registers";
  let description = [{
    A task is one head. Runs of tokens of one chunk go together: their features, their weights in the chunk, then their
    results, `rows` tokens at a time; a full chunk is added to the sums, `rows` features at a time. A single token is the
    same with one row. `columns` is a multiple of `lanes`.
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$columns, "int64_t":$lanes);
}

def MF_CPUPanelGemmAttr : MF_StrategyAttr<"CPUPanelGemm", "cpu_panel_gemm"> {
  let summary = "Dense layer: `rows` rows against `columns` columns of a panel of the weight at a time";
  let description = [{
    The sums of rows x columns stay in registers, a multiple of `lanes` columns. A task is `tile_rows` x `tile_columns`; it
    goes through the features in blocks of `features`, and the activations of a block are copied to adjacent memory.
    A single row passes each panel once, from its first to its last feature.
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$columns, "int64_t":$lanes, "int64_t":$tile_rows,
                        "int64_t":$tile_columns, "int64_t":$features);
}

//===----------------------------------------------------------------------===//
// Strategies on GPUs
//===----------------------------------------------------------------------===//

def MF_GPURowsAttr : MF_StrategyAttr<"GPURows", "gpu_rows"> {
  let summary = "Row by row on a GPU: a warp per row, `warps` rows per block";
  let parameters = (ins "int64_t":$warps);
}

def MF_GPUHashAttr : MF_StrategyAttr<"GPUHash", "gpu_hash"> {
  let summary = "Codes by ballots: a warp per token takes 32 / bits chunks at a time, `warps` tokens per block";
  let parameters = (ins "int64_t":$warps);
}

def MF_GPURowGatherAttr : MF_StrategyAttr<"GPURowGather", "gpu_row_gather"> {
  let summary = "Lookup straight from memory: a thread sums 16 bytes of columns of one token while all tables pass";
  let description = [{
    Sums of integers are exact in any order: there the threads of a block share the tables, and add their sums in workgroup
    memory.
  }];
  let parameters = (ins "int64_t":$threads);
}

def MF_GPUTableTileAttr : MF_StrategyAttr<"GPUTableTile", "gpu_table_tile"> {
  let summary = "Lookup of many tokens: slices of a strip's tables pass through workgroup memory";
  let description = [{
    A block takes one strip and threads / (row bytes / 16) * `tokens` tokens, whose sums stay in registers. A slice is
    `rows` rows of a table, loaded by asynchronous copies into one of two buffers while the other is read. Below
    `gather_tokens` tokens the rows are gathered from memory, as with `#mf.gpu_row_gather`. Both give the same bits.

    Of integers a block takes as many adjacent strips as rows of 128 bytes hold, and slices of `tables` tables, 1 or 2, at
    a time: products of two tables are added together.

    With `row_bytes`, a block takes so many bytes of the rows of a strip, for more tokens. A slice then has whole tables,
    `tables` = 128 / `row_bytes` of them beside each other in workgroup memory: lanes that read rows of different tokens
    at once begin with different tables, each in banks of its own.

    With `cluster`, slices are loaded by bulk copies into three buffers, and so many blocks, of adjacent tokens, share a
    slice: each copies a part of its rows to all of them.
  }];
  let parameters = (ins "int64_t":$threads, "int64_t":$tokens, "int64_t":$rows, "int64_t":$gather_tokens,
                        DefaultValuedParameter<"int64_t", "1">:$tables,
                        DefaultValuedParameter<"int64_t", "0">:$row_bytes,
                        DefaultValuedParameter<"int64_t", "0">:$cluster);
}

def MF_GPUDenseTileAttr : MF_StrategyAttr<"GPUDenseTile", "gpu_dense_tile"> {
  let summary = "Dense layer on a GPU: tiles of `rows` x `columns`, `features` features at a time in workgroup memory";
  let description = [{
    Each result is a sum of slices of `slice` features: a slice is summed with fused products in ascending order, slices
    are added in ascending order. Below `stream_tokens` tokens a block takes 4 tokens and 32 columns, its threads take
    slices, straight from memory. Both give the same bits.
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$columns, "int64_t":$features, "int64_t":$slice,
                        "int64_t":$stream_tokens);
}

def MF_GPUMatrixDenseAttr : MF_StrategyAttr<"GPUMatrixDense", "gpu_matrix_dense"> {
  let summary = "Dense layer on tensor cores: tiles of `rows` x `columns`, `features` features at a time";
  let description = [{
    For weights of f16 and bf16: an element of x is the sum of two of tf32, each of which is multiplied, but for 2^-23 of
    it; weights are exact, sums are f32. A slice of `slice` features is one sum, slices are added in ascending order. Tiles
    of x and the weight pass through `stages` buffers in workgroup memory; a warp takes `warp_rows` x `warp_columns`
    results. Below `stream_tokens` tokens weights come straight from memory, and a warp takes one slice. Both give the same
    bits.
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$columns, "int64_t":$features, "int64_t":$warp_rows,
                        "int64_t":$warp_columns, "int64_t":$stages, "int64_t":$slice, "int64_t":$stream_tokens);
  let extraClassDeclaration = [{
    /// Warps of a block.
    int64_t getWarps() const { return getRows() / getWarpRows() * (getColumns() / getWarpColumns()); }
    /// Registers that a thread needs: two sums of a result, a column's weights of a step, two parts of 16 rows of x, and
    /// what it needs besides.
    int64_t getRegisters() const;
  }];
}

def MF_GPUIntegerDenseAttr : MF_StrategyAttr<"GPUIntegerDense", "gpu_integer_dense"> {
  let summary = "Dense layer of integers on a GPU: tiles of `rows` x `columns`, sums of four products at a time";
  let description = [{
    The sum of a group of features is one of integers, exact in any order; groups are added in ascending order, products
    with scales not fused. A tile takes up to `features` features at a time through workgroup memory. Below `stream_tokens`
    tokens a block takes 4 tokens and one panel, its threads take groups or parts of one, straight from memory. Both give
    the same bits.
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$columns, "int64_t":$features, "int64_t":$stream_tokens);
}

def MF_GPUFlashAttr : MF_StrategyAttr<"GPUFlash", "gpu_flash"> {
  let summary = "Attention on a GPU: a warp takes `rows` queries, a lane takes a key, then features of the result";
  let description = [{
    A block of 32 keys has a maximum, a sum and a result of its own; blocks are merged in ascending order. `warps` warps of
    a thread block take adjacent queries of the heads that share keys. Below `split_tokens` tokens a warp takes one block
    of keys, and a second kernel merges them. Both give the same bits.
  }];
  let parameters = (ins "int64_t":$warps, "int64_t":$rows, "int64_t":$split_tokens);
}

def MF_GPULinearAttentionAttr : MF_StrategyAttr<"GPULinearAttention", "gpu_linear_attention"> {
  let summary = "Linear attention on a GPU: a thread block per head and sequence, `rows` queries at a time";
  let description = [{
    `warps` warps of a thread block take the chunks of a sequence in turn: its keys, its queries against both, then the
    chunk joins the sums. Threads share the columns and, in slices, the features of each product; a thread has the sums of
    `rows` queries, or of the only one. `mf.project_sequence`: a thread has `rows` rows of one feature.
  }];
  let parameters = (ins "int64_t":$warps, "int64_t":$rows);
}

def MF_GPUMatrixFlashAttr : MF_StrategyAttr<"GPUMatrixFlash", "gpu_matrix_flash"> {
  let summary = "Attention on tensor cores: a warp takes 16 queries, blocks of `keys` keys in workgroup memory";
  let description = [{
    For caches of f16 and bf16: queries, and weights of values, are rounded to their elements, to nearest; products are
    summed in f32. A block of keys has a maximum, a sum and a result of its own; blocks are merged in ascending order. The
    queries of `warps` warps, adjacent tokens of the heads that share keys, take the blocks from two buffers. Below
    `split_tokens` tokens a warp takes one block of keys, and a second kernel merges them. Both give the same bits.
  }];
  let parameters = (ins "int64_t":$warps, "int64_t":$keys, "int64_t":$split_tokens);
  let extraClassDeclaration = [{
    /// Registers that a thread needs for heads of `valueSize` results: a result is one of 2 features, a score one of 2
    /// keys, a weight that is rounded one of 4, and what it needs besides.
    int64_t getRegisters(int64_t valueSize) const;
  }];
}

//===----------------------------------------------------------------------===//
// Choices of strategies
//===----------------------------------------------------------------------===//

def MF_StrategyRuleAttr : MF_Attr<"StrategyRule", "strategy_rule"> {
  let summary = "The strategy of ops of one kind and size";
  let description = [{
    `#mf.strategy_rule<op = "mf.lookup", variant = "x86-64-v3", sizes = {bits = 8, columns = 1024}, strategy =
    #mf.cpu_row_gather<tokens = 16, columns = 64, lanes = 8>>`. It holds for ops of that name with all of `sizes` in
    modules whose target has that variant; without `variant` for all targets, without `sizes` for all sizes. The sizes
    that an op has are those of `getStrategySizes`. The module attribute `mf.strategies` is an array of rules, the
    first that holds counts.
  }];
  let parameters = (ins StringRefParameter<"name of the op">:$op,
                        StringRefParameter<"name of the target's variant", "\"\"">:$variant,
                        OptionalParameter<"::mlir::DictionaryAttr">:$sizes,
                        "::mlir::mf::StrategyAttrInterface":$strategy);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

#endif // MF_DIALECT_MF_IR_MFSTRATEGIES_TD
