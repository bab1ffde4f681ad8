// Passes over models on tensors, in alphabetical order.
#ifndef MF_DIALECT_MF_TRANSFORMS_PASSES_TD
#define MF_DIALECT_MF_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertAttentionFormPass : Pass<"mf-convert-attention-form", "::mlir::func::FuncOp"> {
  let summary = "Make one form of linear attention of another";
  let description = [{
    Every `mf.linear_attention` gets the `form`: `chunked`, `quadratic` or `recurrent`. They are equal but for rounding, and
    nothing else of the op changes, so that any conversion has a way back. `mf-expand-attention` writes a form out as
    linalg; kernels compute the chunked and the recurrent one, and a compilation expands the quadratic one.

    ```mlir
    %y = mf.linear_attention causal features(#mf.elu_features) chunk(32) ins(...) outs(...) -> tensor<?x8x64xf32>
    ```
    becomes, with form=recurrent,
    ```mlir
    %y = mf.linear_attention causal features(#mf.elu_features) chunk(32) form recurrent ins(...) outs(...) -> tensor<?x8x64xf32>
    ```

    Which is cheaper: with r features and values of e elements, quadratic needs T / 2 (r + e) multiply-adds for a token of
    T, the others 2 r e and, chunked, (chunk + 1) / 2 (r + e) in matrix products of whole chunks; `mf-report-cost` says it.

    An op on memrefs with scratch, whose size is the form's, is refused, and so is an unknown form. Test:
    `test/Dialect/MF/convert-attention-form.mlir`.
  }];
  let options = [Option<"form", "form", "std::string", "\"chunked\"", "chunked, quadratic or recurrent">];
  let statistics = [Statistic<"numConverted", "num-converted", "Number of ops that got another form">];
}

def FuseLookupsPass : Pass<"mf-fuse-lookups", "::mlir::func::FuncOp"> {
  let summary = "Make one lookup of those that read the same codes and scores";
  let description = [{
    Query, key and value of an attention block look up the same codes in three sets of tables. One op that looks up all
    of them reads codes and scores once and has one loop over tokens.

    1. In each block, lookups on tensors with the same codes, scores, layout, strategy and code bits, and all with biases
       or all without, form a group.
    2. The first of a group takes the table sets, biases and destinations of the others, in their order. What these need
       is moved before it; a lookup that needs a result of the group, or an operand of an op with side effects in
       between, stays as it is.

    The cost is linear in the number of ops. Nothing happens where no two lookups share codes and scores. The pass cannot
    fail. Test: `test/Dialect/MF/fuse-lookups.mlir`.
  }];
  let statistics = [Statistic<"numFusedLookups", "num-fused-lookups", "Number of lookups that joined another one">];
}

def PackParametersPass : Pass<"mf-pack-parameters", "::mlir::ModuleOp"> {
  let summary = "Drop unused parameters and number the others";
  let description = [{
    The parameter file holds the parameters that some function reads, in module order.

    1. `mf.get_parameter` ops without a user are erased.
    2. `mf.parameter` ops without a `mf.get_parameter` are erased.
    3. The others get their `index`: 0, 1, ... in module order.

    The result depends on the module's parameters and on what is read, not on how code is tiled, so that all variants of
    a library number alike. Running it again changes nothing. It fails where a function reads parameters by their number
    already (`mf.frame_parameter`). Test: `test/Dialect/MF/pack-parameters.mlir`.
  }];
  let statistics = [Statistic<"numDroppedParameters", "num-dropped-parameters", "Number of parameters that nothing reads">];
}

def PruneTablesPass : Pass<"mf-prune-tables", "::mlir::ModuleOp"> {
  let summary = "Drop the rows of tables that are hardly ever used";
  let description = [{
    A row whose code never comes costs bytes of the parameter file and nothing else.

    1. `counts` is a file that `mf-run --count-codes` writes: how often a text used each row of each table. Rows that it
       used `at-most` times or less are dropped.
    2. The rows that are left of all tables of a parameter [K, 2^tau, N] follow one another behind a row of zeros, which
       stands for all that were dropped: the parameter becomes [1, n + 1, N], its source `#mf.kept_rows`.
    3. A parameter `<name>.rows` holds the map from codes to rows (`#mf.row_map`), [K, 2^tau] of i16, or i32 above 65,535
       rows. Parameters that keep the same rows share it. `mf.map_codes` applies it before the lookup.

    The result is that of a model whose dropped rows are zero. Runs before mf-quantize-parameters, so that all element
    types have it: scales are chosen from the rows that are left.

    A parameter stays, with a remark, where it would not become smaller, where it has a layout or quantised elements, or
    where anything but lookups of parameters reads it; so does a lookup of several sets whose rows are not the same. It
    fails where the file cannot be read, is none of this kind, or lacks a parameter or counts other tables.
    Test: `test/Dialect/MF/prune-tables.mlir`.
  }];
  let options = [
    Option<"counts", "counts", "std::string", "\"\"", "File of mf-run --count-codes">,
    Option<"atMost", "at-most", "int64_t", "0", "Uses of a row that is dropped">,
  ];
  let dependentDialects = ["::mlir::mf::MFDialect", "::mlir::tensor::TensorDialect"];
  let statistics = [Statistic<"numPruned", "num-pruned", "Number of parameters that lost rows">,
                    Statistic<"numDroppedRows", "num-dropped-rows", "Number of rows that were dropped">];
}

def PruneWeightsPass : Pass<"mf-prune-weights", "::mlir::ModuleOp"> {
  let summary = "Keep some of the features of dense weights";
  let description = [{
    1. Of each `of` adjacent features of the weight of a linear, `columns` adjacent output columns keep the `kept` whose
       weights have the largest sum of squares (`#mf.pruned_features`): the parameter [N, D] becomes [N, D / of * kept].
    2. A parameter `<name>.features`, i16 [ceil(N / columns), D / of * kept], holds the numbers of these features.
    3. The linear reads the weight with both: the products of the other features are not there to be computed.

    The result is that of a model whose other weights are zero. A remark says what was pruned. The head, whose result comes
    into no other linear or lookup, stays as it is; so does a weight with a layout, converted elements, another use, more
    than 32,768 features or a number of them that is no multiple of `of`. It fails where the numbers are no part of a
    group. Test: `test/Dialect/MF/prune-weights.mlir`.
  }];
  let options = [
    Option<"kept", "kept", "int64_t", "2", "Features that are kept of each group">,
    Option<"of", "of", "int64_t", "4", "Features of a group">,
    Option<"columns", "columns", "int64_t", "32", "Output columns that keep the same features; those of a panel">,
  ];
  let dependentDialects = ["::mlir::mf::MFDialect"];
  let statistics = [Statistic<"numPruned", "num-pruned", "Number of weights that lost features">];
}

def QuantizeParametersPass : Pass<"mf-quantize-parameters", "::mlir::ModuleOp"> {
  let summary = "Choose the element types of tables and of dense weights";
  let description = [{
    Table bytes are what a lookup costs, weight bytes what a dense layer of one token costs.

    1. The tables of lookups get the type `table-dtype`, the weights of linears `weight-dtype`, but for the head, whose
       result comes into no other linear or lookup: `head-dtype`. `keep` leaves them as they are. A parameter that has a
       layout, that is converted already, or that an op of another of these kinds reads too, stays.
    2. f32, bf16 and f16: the parameter's type changes; a source that does not convert without loss is rounded
       (`#mf.rounded`).
    3. i8 and i4: the source becomes `#mf.quantized`, a parameter `<name>.scales` (with a suffix where there is one of that name) holds the scales. Those of tables are
       per column, so that sums over tables are sums of integers; those of weights per output column, for i4 per output
       column and group of `head-group` or `weight-group` features. `mf.quantize_rows` turns scores and activations into integers, once for
       all ops that share them.
    4. A scale is the largest magnitude over 127 (i8), or the one of least squared error out of 13 fractions of the
       largest magnitude over 7 (i4). It is chosen when the parameter file is written; `mf-compile --report` says the
       error of each parameter.

    A remark says what became what. It fails on unknown types and on groups that do not divide a row.
    Test: `test/Dialect/MF/quantize-parameters.mlir`.
  }];
  let options = [
    Option<"tableDtype", "table-dtype", "std::string", "\"keep\"", "Type of tables: keep, f32, bf16, f16, i8 or i4">,
    Option<"headDtype", "head-dtype", "std::string", "\"keep\"", "Type of the head: keep, f32, bf16, f16, i8 or i4">,
    Option<"headGroup", "head-group", "int64_t", "32", "Features that share a scale of an i4 head; 0: all">,
    Option<"weightDtype", "weight-dtype", "std::string", "\"keep\"",
           "Type of other dense weights: keep, f32, bf16, f16, i8 or i4">,
    Option<"weightGroup", "weight-group", "int64_t", "32", "Features that share a scale of an i4 weight; 0: all">,
  ];
  let dependentDialects = ["::mlir::mf::MFDialect", "::mlir::tensor::TensorDialect"];
  let statistics = [Statistic<"numConverted", "num-converted", "Number of parameters with another type">];
}

def ReportCostPass : Pass<"mf-report-cost", "::mlir::ModuleOp"> {
  let summary = "Report what the functions of a model cost";
  let description = [{
    Says what a call needs, as polynomials in the sizes that only a call knows, before anything is compiled: multiply-adds,
    exponentials, bytes of table rows, of other parameters and of sequence state.

    1. Every compute op says what it costs (`CostOpInterface`, beside its verifier).
    2. A parameter belongs to the block that its attribute `mf.block` names, as the front end wrote it; an op to the block
       of the parameters that it reads, or else to the latest block that it reads results of. So neither fused nor
       expanded ops lose their block.
    3. Costs are added up per block and function. Equal neighbouring blocks are one in the text; JSON has all of them.

    Sizes are named by the arguments' `mf.dims` (`arg0_1`, for dimension 1 of argument 0, where there is none). A call is
    one of a single sequence, with `tokens` tokens after `cache` earlier ones; `rows` rows of logits are computed. With
    `at` the polynomials are also evaluated.

    ```
    mf-opt model.mlir --mf-report-cost="at=tokens:512,cache:0" -o /dev/null
    ```

    Multiply-adds are those of sums over tables, features and keys. What is in proportion to tokens times width, norms,
    rotary embedding and residual sums, is not counted. Of a causal attention only the pairs that the mask leaves are
    counted, unless `count-masked-pairs`.

    Changes nothing. It fails, naming the op, where an op does not say what it costs, is in a loop or on memrefs, or where
    an extent does not follow from the arguments' sizes; so it runs before the tile stage. Test:
    `test/Dialect/MF/report-cost.mlir`.
  }];
  let options = [
    Option<"format", "format", "std::string", "\"text\"", "text or json">,
    Option<"output", "output", "std::string", "\"-\"", "File to write; -: standard output">,
    ListOption<"at", "at", "std::string", "Sizes to evaluate at, e.g. tokens:512,cache:0; rows is 1 by default, picks 0">,
    Option<"countMaskedPairs", "count-masked-pairs", "bool", "false",
           "Count the pairs that a causal mask hides, as the paper does">,
  ];
}

def SelectCachesPass : Pass<"mf-select-caches", "::mlir::ModuleOp"> {
  let summary = "Choose element type and layout of the sequences' caches";
  let description = [{
    A cache is a state (`mf.state`) that is written by `mf.update_state` and read by `mf.cached_attention` alone.

    1. Its elements become `cache-dtype`; `keep` leaves them as they are; `auto` makes f32 bf16 in functions that multiply
       integers (quantised tables or weights): their error is far above that of bf16 keys and values.
    2. One that is read as keys gets `#mf.cache_layout<keys = 16>`: 16 positions of a feature lie side by side, so that
       attention reads vectors of keys as they are, with one query as with many. Those of bf16 lie in pairs for dot
       products: keys in pairs of features (`<keys = 16, features = 2>`, an even number of features), values in pairs
       of keys (`<keys = 2>`). The layout is written on the ops and, as the value of `mf.state`, on argument and
       result. A layout that is written by hand stays.

    A state with other uses stays as it is, with a remark. It fails where `cache-dtype` is none.
    Test: `test/Dialect/MF/select-caches.mlir`.
  }];
  let options = [
    Option<"cacheDtype", "cache-dtype", "std::string", "\"keep\"", "Type of caches: auto, keep, f32, bf16 or f16">,
    Option<"layout", "layout", "bool", "true", "Give caches a layout">,
  ];
  let statistics = [Statistic<"numConverted", "num-converted", "Number of caches with another element type">,
                    Statistic<"numLayouts", "num-layouts", "Number of caches that got a layout">];
}

def SelectLayoutsPass : Pass<"mf-select-layouts", "::mlir::ModuleOp"> {
  let summary = "Choose how tables and weights lie in the parameter file";
  let description = [{
    A layout is chosen once, for all instruction sets and for prefill and decode alike.

    1. Each lookup whose tables are values of parameters wants strips, `#mf.table_layout<strip_columns =
       table-strip-columns>`, each linear whose weight is one wants `#mf.panel_layout<columns = panel-columns>`. By default
       a row of a strip is 128 bytes, two cache lines: with many tokens a block of a few tables of one strip fits the
       second-level cache, with few tokens rows come from memory in pieces that are long enough (one line a piece costs
       half of the bandwidth of two threads). A row of a strip of integer tables of more than 256 rows is one line: few
       such tables fit together, and sums would pass through the cache more often than rows. Integer weights interleave 4
       features. A projection of random features, whose rows are a multiple of `panel-columns`, wants panels too. A layout
       that is written by hand, on
       the op or on one of its parameters, wins.
    2. A parameter gets a layout when all its uses want the same one; an op gets one when all its parameters do. The
       table of an embedding wants what a linear wants that reads it too. A parameter with another use, a table in a
       linear's weight, keeps the logical shape.
    3. The layout is set on the `mf.parameter` and on the op; the type of `mf.get_parameter` becomes the stored type.

    ```mlir
    mf.parameter @w : tensor<60x64xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
    %w = mf.get_parameter @w : tensor<60x64xf32>
    %y = mf.linear ins(%x, %w : tensor<?x64xf32>, tensor<60x64xf32>) outs(%init : tensor<?x60xf32>) -> tensor<?x60xf32>
    ```
    becomes
    ```mlir
    mf.parameter @w : tensor<60x64xf32> from #mf.random<seed = 1, scale = 1.0 : f32> layout #mf.panel_layout<columns = 32>
    %w = mf.get_parameter @w : tensor<2x64x32xf32>
    %y = mf.linear layout(<columns = 32>) ins(%x, %w : tensor<?x64xf32>, tensor<2x64x32xf32>) outs(%init : tensor<?x60xf32>)
        -> tensor<?x60xf32>
    ```

    A remark says which op gets which layout, and which gets none. It fails where an option is no layout. Test:
    `test/Dialect/MF/select-layouts.mlir`.
  }];
  let options = [
    Option<"tableStripColumns", "table-strip-columns", "int64_t", "-1",
           "Columns of a strip of tables; 0: whole rows; -1: as many as 128 bytes hold">,
    Option<"panelColumns", "panel-columns", "int64_t", "32",
           "Output columns of a panel of a dense layer's weight; 0: no panels">,
  ];
  let statistics = [Statistic<"numLayouts", "num-layouts", "Number of parameters that got a layout">];
}

def ShareParametersPass : Pass<"mf-share-parameters", "::mlir::ModuleOp"> {
  let summary = "Store elements once that several parameters have";
  let description = [{
    A head that is tied to the embedding comes as a parameter of its own. Where both keep their element type, one can
    serve both: parameters of the same elements of a file, rounded or not, with equal types and layouts become the first of
    them. What is computed, or quantised, stays.

    Nothing happens where no two are equal. The pass cannot fail. Test: `test/Dialect/MF/share-parameters.mlir`.
  }];
  let statistics = [Statistic<"numShared", "num-shared", "Number of parameters that another one replaced">];
}

def TraceCodesPass : Pass<"mf-trace-codes", "::mlir::ModuleOp"> {
  let summary = "Add an entry point that tells the codes of all lookups";
  let description = [{
    `mf-run --count-codes` counts which rows of tables a text uses. The entry point that it calls is made of the one that
    has lookups, so that the library's other code stays as it is.

    1. The only public function with lookups is copied as `codes`.
    2. The copy is of one sequence from its beginning: its sequence states (`mf.state`) are tensors of its own, with
       `tokens` positions, its inputs `slots` are 0 and its `positions` 0, 1, ...
    3. Its results are the codes [tokens, K] of each lookup, once per set of tables, named by the parameter of the
       tables. What only other results needed goes, and arguments that are not read.

    It fails where no function or several have lookups, or where there is a function `codes`.
    Test: `test/Dialect/MF/trace-codes.mlir`.
  }];
  let dependentDialects = ["::mlir::mf::MFDialect", "::mlir::tensor::TensorDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::arith::ArithDialect"];
}

def VerifyModelContractPass : Pass<"mf-verify-model-contract", "::mlir::ModuleOp"> {
  let summary = "Check what the model stage promises";
  let description = [{
    After the model stage

    - every compute op is on tensors;
    - a lookup or linear with a layout reads parameters of that layout or values that are no parameters, and the value of a
      parameter with a layout that moves elements is read by such ops only.

    Changes nothing; fails, naming the op, where a promise is broken. Test: `test/Dialect/MF/verify-model-contract.mlir`.
  }];
}

def VerifyPackContractPass : Pass<"mf-verify-pack-contract", "::mlir::ModuleOp"> {
  let summary = "Check what the pack stage promises";
  let description = [{
    After the pack stage

    - every parameter is read by a function;
    - the indices of the parameters are 0, 1, ... in module order;
    - as after the model stage, layouts of parameters and of the ops that read them agree, also through slices.

    Changes nothing; fails, naming the parameter or op, where a promise is broken.
    Test: `test/Dialect/MF/verify-pack-contract.mlir`.
  }];
}

#endif // MF_DIALECT_MF_TRANSFORMS_PASSES_TD
