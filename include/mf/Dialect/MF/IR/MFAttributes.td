// Attributes of the dialect `mf`: score kinds, targets, parameter sources and layouts, and all other files of attributes.
#ifndef MF_DIALECT_MF_IR_MFATTRIBUTES_TD
#define MF_DIALECT_MF_IR_MFATTRIBUTES_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mf/Dialect/MF/IR/MFDialect.td"
include "mf/Dialect/MF/IR/MFInterfaces.td"

class MF_Attr<string name, string attrMnemonic, list<Trait> traits = []> : AttrDef<MF_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

include "mf/Dialect/MF/IR/MFFeatureMaps.td"

//===----------------------------------------------------------------------===//
// Enumerations
//===----------------------------------------------------------------------===//

def MF_ScoreKind : I32EnumAttr<"ScoreKind", "score of a code", [
    I32EnumAttrCase<"Magnitude", 0, "magnitude">, I32EnumAttrCase<"Probability", 1, "probability">]> {
  let cppNamespace = "::mlir::mf";
  let genSpecializedAttr = 0;
}
def MF_ScoreKindAttr : EnumAttr<MF_Dialect, MF_ScoreKind, "score">;

def MF_ActivationKind : I32EnumAttr<"ActivationKind", "function of an activation", [
    I32EnumAttrCase<"GELU", 0, "gelu">, I32EnumAttrCase<"GELUTanh", 1, "gelu_tanh">,
    I32EnumAttrCase<"SiLU", 2, "silu">]> {
  let cppNamespace = "::mlir::mf";
  let genSpecializedAttr = 0;
}
def MF_ActivationKindAttr : EnumAttr<MF_Dialect, MF_ActivationKind, "activation">;

def MF_AttentionForm : I32EnumAttr<"AttentionForm", "order of the sums of a linear attention", [
    I32EnumAttrCase<"Chunked", 0, "chunked">, I32EnumAttrCase<"Quadratic", 1, "quadratic">,
    I32EnumAttrCase<"Recurrent", 2, "recurrent">]> {
  let cppNamespace = "::mlir::mf";
  let genSpecializedAttr = 0;
}
def MF_AttentionFormAttr : EnumAttr<MF_Dialect, MF_AttentionForm, "form">;

def MF_OperandRole : I32EnumAttr<"OperandRole", "what an entry point does with an operand", [
    I32EnumAttrCase<"Input", 0, "input">, I32EnumAttrCase<"Output", 1, "output">,
    I32EnumAttrCase<"State", 2, "state">]> {
  let cppNamespace = "::mlir::mf";
}

//===----------------------------------------------------------------------===//
// Facts about a module
//===----------------------------------------------------------------------===//

def MF_LanguageModelAttr : MF_Attr<"LanguageModel", "language_model"> {
  let summary = "What a session of a language model needs to know";
  let parameters = (ins StringRefParameter<"name of the model, a C identifier">:$name, "int64_t":$vocabulary,
                        "int64_t":$max_positions);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def MF_CPUTargetAttr : MF_Attr<"CPUTarget", "cpu_target"> {
  let summary = "A CPU to compile for, with what strategies ask about it";
  let description = [{
    `#mf.cpu_target<variant = "x86-64-v3", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "",
    vector_bits = 256, fma = true, l1_bytes = 32768, l2_bytes = 524288>`. `vector_bits` is the width that vectors are
    generated for. Cache sizes are of one core.
  }];
  let parameters = (ins StringRefParameter<"name of the variant">:$variant, StringRefParameter<"LLVM triple">:$triple,
                        StringRefParameter<"LLVM CPU name">:$cpu,
                        StringRefParameter<"LLVM feature string">:$features, "int64_t":$vector_bits, "bool":$fma,
                        "int64_t":$l1_bytes, "int64_t":$l2_bytes);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// f32 lanes of a vector.
    int64_t getLanes() const { return getVectorBits() / 32; }
    /// Whether the CPU has the feature that LLVM calls `name`.
    bool hasFeature(::llvm::StringRef name) const;
  }];
}

def MF_GPUTargetAttr : MF_Attr<"GPUTarget", "gpu_target"> {
  let summary = "A GPU to compile for, with what strategies ask about it";
  let description = [{
    `#mf.gpu_target<arch = "sm_90a", workgroup_bytes = 232448, cluster_blocks = 8>`: `workgroup_bytes` is what one block
    can have, `cluster_blocks` how many blocks of a cluster share copies. 1: there are no clusters, and no bulk copies.
  }];
  let parameters = (ins StringRefParameter<"architecture, as ptxas names it">:$arch, "int64_t":$workgroup_bytes,
                        DefaultValuedParameter<"int64_t", "1">:$cluster_blocks);
  let assemblyFormat = "`<` struct(params) `>`";
}

def MF_OperandAttr : MF_Attr<"Operand", "operand"> {
  let summary = "An operand of an entry point";
  let description = [{
    `#mf.operand<name = "tokens", role = input, type = tensor<?xi32>, dims = ["tokens"]>`. `dims` has a name per dimension
    of `type`, `""` for a static one. A state can have the `layout` of a cache.
  }];
  let parameters = (ins "::mlir::StringAttr":$name, EnumParameter<MF_OperandRole>:$role,
                        "::mlir::RankedTensorType":$type, "::mlir::ArrayAttr":$dims,
                        OptionalParameter<"::mlir::mf::CacheLayoutAttr">:$layout);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def MF_EntryAttr : MF_Attr<"Entry", "entry"> {
  let summary = "The interface of an entry point";
  let description = [{
    On a function that takes a frame: the names of the symbolic dimensions, in the order of `mf.frame_dim`, and the
    operands, in the order of `mf.frame_operand`: arguments first, then outputs.
  }];
  let parameters = (ins "::mlir::ArrayAttr":$dims, ArrayRefParameter<"::mlir::mf::OperandAttr">:$operands);
  let assemblyFormat = "`<` `dims` `=` $dims `,` `operands` `=` `[` $operands `]` `>`";
}

//===----------------------------------------------------------------------===//
// Sources of parameters
//===----------------------------------------------------------------------===//

class MF_SourceAttr<string name, string attrMnemonic>
    : MF_Attr<name, attrMnemonic, [DeclareAttrInterfaceMethods<MF_SourceAttrInterface>]>;

def MF_TensorFileAttr : MF_SourceAttr<"TensorFile", "tensor_file"> {
  let summary = "Row-major elements in a file";
  let description = [{
    `#mf.tensor_file<path = "model.safetensors", offset = 4096, element_type = f16>`: little-endian elements of
    `element_type` from byte `offset` on. They are converted to the parameter's element type when that is wider.
  }];
  let parameters = (ins StringRefParameter<"path of the file">:$path, "uint64_t":$offset, "::mlir::Type":$element_type);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def MF_RandomAttr : MF_SourceAttr<"Random", "random"> {
  let summary = "Pseudo-random elements, uniform in [-scale, scale)";
  let description = [{
    Element e is ((w >> 40) * 2^-23 - 1) * scale, w the e-th output of SplitMix64 seeded with `seed`.
  }];
  let parameters = (ins "uint64_t":$seed, "::mlir::FloatAttr":$scale);
  let assemblyFormat = "`<` struct(params) `>`";
}

def MF_FillAttr : MF_SourceAttr<"Fill", "fill"> {
  let summary = "One value everywhere";
  let parameters = (ins "::mlir::FloatAttr":$value);
  let assemblyFormat = "`<` $value `>`";
}

def MF_RotaryAnglesAttr : MF_SourceAttr<"RotaryAngles", "rotary_angles"> {
  let summary = "Cosine and sine of rotary angles";
  let description = [{
    For a parameter [positions, r / 2, 2]: element [p, i, 0] is cos(a), [p, i, 1] is sin(a), a = p / base^(2 i / r),
    evaluated in float64.
  }];
  let parameters = (ins "::mlir::FloatAttr":$base);
  let assemblyFormat = "`<` struct(params) `>`";
}

def MF_RowBlocksAttr : MF_SourceAttr<"RowBlocks", "row_blocks"> {
  let summary = "Blocks of the rows of another source";
  let description = [{
    `#mf.row_blocks<source = #mf.tensor_file<...>, first = 64, rows = 64, stride = 192>`: row r of the parameter is row
    first + (r / rows) * stride + r % rows of the source, whose rows have as many elements. So the queries, keys or values
    of a fused projection whose heads lie one after another.
  }];
  let parameters = (ins "::mlir::mf::SourceAttrInterface":$source, "int64_t":$first, "int64_t":$rows,
                        "int64_t":$stride);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The row of the source that row `row` of the parameter is.
    int64_t getSourceRow(int64_t row) const { return getFirst() + row / getRows() * getStride() + row % getRows(); }
  }];
}

def MF_KeptRowsAttr : MF_SourceAttr<"KeptRows", "kept_rows"> {
  let summary = "The rows of tables that were not pruned, behind a row of zeros";
  let description = [{
    For a parameter [1, n + 1, N] whose source has the tables [K, 2^tau, N]: row 0 is zero, row 1 + i is the i-th of the n
    rows that `kept`, a mask [K, 2^tau] of i1, keeps, in the order of tables and codes.
    `#mf.kept_rows<source = #mf.tensor_file<...>, kept = dense<...> : tensor<64x256xi1>>`. `#mf.row_map` of the same mask
    says where the row of a code is.
  }];
  let parameters = (ins "::mlir::mf::SourceAttrInterface":$source, "::mlir::DenseElementsAttr":$kept);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Rows that are kept, the row of zeros not among them.
    int64_t getNumKept() const;
    /// Rows of all tables together.
    int64_t getNumRows() const { return getKept().getNumElements(); }
  }];
}

def MF_RowMapAttr : MF_SourceAttr<"RowMap", "row_map"> {
  let summary = "Where the rows of pruned tables are";
  let description = [{
    For a parameter [K, 2^tau] of i16 or i32: 0 for a row that `kept` drops, 1 + i for the i-th one that it keeps, unsigned:
    the numbers of the rows of `#mf.kept_rows`.
  }];
  let parameters = (ins "::mlir::DenseElementsAttr":$kept);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def MF_FeaturePruningAttr : MF_Attr<"FeaturePruning", "feature_pruning"> {
  let summary = "Which features of a dense layer's weight are kept";
  let description = [{
    `#mf.feature_pruning<kept = 2, of = 4, columns = 32>`: of each 4 adjacent features, 32 adjacent columns keep 2, the
    same for all of these columns.
  }];
  let parameters = (ins "int64_t":$kept, "int64_t":$of, "int64_t":$columns);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Features that are kept of `features`, a multiple of `of`; and the other way round.
    int64_t getNumKept(int64_t features) const { return features / getOf() * getKept(); }
    int64_t getNumFeatures(int64_t numKept) const { return numKept / getKept() * getOf(); }
  }];
}

def MF_PrunedFeaturesAttr : MF_SourceAttr<"PrunedFeatures", "pruned_features"> {
  let summary = "The features of a weight that were not pruned";
  let description = [{
    For a parameter [N, D'] whose source has the elements [N, D]: of each `of` adjacent features, the `kept` whose
    elements in `columns` adjacent rows have the largest sum of squares, of equal ones the first; in ascending order.
    `#mf.pruned_features<source = #mf.tensor_file<...>, pruning = <kept = 2, of = 4, columns = 32>>`. They are chosen when
    the parameter file is written.
  }];
  let parameters = (ins "::mlir::mf::SourceAttrInterface":$source, "::mlir::mf::FeaturePruningAttr":$pruning);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def MF_KeptFeaturesAttr : MF_SourceAttr<"KeptFeatures", "kept_features"> {
  let summary = "The numbers of the features that a pruned weight keeps";
  let description = [{
    `#mf.kept_features<parameter = @weight>`: i16 [ceil(N / columns), D'], for a parameter of `#mf.pruned_features`.
  }];
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$parameter);
  let assemblyFormat = "`<` struct(params) `>`";
}

def MF_RoundedAttr : MF_SourceAttr<"Rounded", "rounded"> {
  let summary = "Elements of another source, rounded to the parameter's element type";
  let description = [{
    `#mf.rounded<source = #mf.tensor_file<...>>`: to f16 or bf16, to nearest, ties to even.
  }];
  let parameters = (ins "::mlir::mf::SourceAttrInterface":$source);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def MF_QuantizedAxis : I32EnumAttr<"QuantizedAxis", "elements that share a scale", [
    I32EnumAttrCase<"Columns", 0, "columns">, I32EnumAttrCase<"Rows", 1, "rows">]> {
  let cppNamespace = "::mlir::mf";
}

def MF_QuantizedAttr : MF_SourceAttr<"Quantized", "quantized"> {
  let summary = "Elements of another source as small integers";
  let description = [{
    For a parameter of i8 or i4: round(x / s), to nearest and ties to even, clamped to [-127, 127] or [-7, 7]. With
    `axis = columns` the elements of one column (equal last index) share the scale s; with `axis = rows` the elements of
    one group of `group` adjacent elements of a row (0: all of a row). `mf-quantize-parameters` says how s is chosen.

    `#mf.quantized<source = #mf.tensor_file<...>, element_type = f16, axis = columns, group = 0>`; `element_type` is what
    the source is read as.
  }];
  let parameters = (ins "::mlir::mf::SourceAttrInterface":$source, "::mlir::Type":$element_type,
                        EnumParameter<MF_QuantizedAxis>:$axis, DefaultValuedParameter<"int64_t", "0">:$group);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The element type of the scales of elements stored as `stored`: bf16 for groups of i4, else f32.
    ::mlir::Type getScaleType(::mlir::Type stored) const;
  }];
}

def MF_QuantizationScalesAttr : MF_SourceAttr<"QuantizationScales", "quantization_scales"> {
  let summary = "The scales of a quantised parameter";
  let description = [{
    `#mf.quantization_scales<parameter = @tables>`: [columns] for `axis = columns`, [rows, groups] for `axis = rows`. They
    are f32, but bf16 for groups of i4, of whose bytes they are a large part: scales of f32 would be a fifth for groups of
    32. Elements are rounded under the scale as it is stored, so that its own rounding adds no error to theirs, and bf16
    has the range of f32.
  }];
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$parameter);
  let assemblyFormat = "`<` struct(params) `>`";
}

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

class MF_LayoutAttr<string name, string attrMnemonic>
    : MF_Attr<name, attrMnemonic, [DeclareAttrInterfaceMethods<MF_LayoutAttrInterface>]>;

def MF_TableLayoutAttr : MF_LayoutAttr<"TableLayout", "table_layout"> {
  let summary = "How the tables of a lookup lie in memory";
  let description = [{
    Tables [K, 2^tau, N] are stored as rows, `#mf.table_layout<strip_columns = 0>`: [K, 2^tau, N], or as column strips,
    `#mf.table_layout<strip_columns = c>`: [ceil(N / c), K, 2^tau, c].

    Tables of i4 have `columns_per_byte = 2` and strips of bytes [ceil(N / c), K, 2^tau, c / 2]: byte j of a row holds
    column j of the strip in its low half and column j + c / 2 in its high half, both with 8 added.
  }];
  let parameters = (ins DefaultValuedParameter<"int64_t", "0">:$strip_columns,
                        DefaultValuedParameter<"int64_t", "1">:$columns_per_byte);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def MF_CacheLayoutAttr : MF_Attr<"CacheLayout", "cache_layout"> {
  let summary = "How a cache of keys or of values lies in memory";
  let description = [{
    The last two dimensions of a cache [B, H, P, d] are stored as [P / k, d / f, k, f]: `keys` k positions of `features` f
    features are adjacent. The type of the cache stays as it is; P is a multiple of `keys` and d of `features`, and `keys`
    positions take the place that they take without a layout.

    | layout | of | for |
    |---|---|---|
    | `#mf.cache_layout<keys = 16>` | keys | vectors of keys, one feature at a time |
    | `#mf.cache_layout<keys = 16, features = 2>` | keys of bf16 | dot products of pairs of features |
    | `#mf.cache_layout<keys = 2>` | values of bf16 | dot products of pairs of keys |
  }];
  let parameters = (ins "int64_t":$keys, DefaultValuedParameter<"int64_t", "1">:$features);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The layout of keys, by one feature or by pairs; that of values, by pairs of keys.
    static CacheLayoutAttr getForKeys(::mlir::MLIRContext *context, bool isPaired);
    static CacheLayoutAttr getForValues(::mlir::MLIRContext *context);
    /// Whether vectors of keys can be read.
    bool isOfKeys() const;
    /// Whether elements lie in pairs for dot products of bf16.
    bool isPaired() const;
  }];
}

def MF_PanelLayoutAttr : MF_LayoutAttr<"PanelLayout", "panel_layout"> {
  let summary = "How the weight of a dense layer lies in memory";
  let description = [{
    A weight [N, D] is stored as [ceil(N / c), D, c]: panels of c output columns whose elements for one input feature are
    adjacent. `#mf.panel_layout<columns = 16>`.

    With `interleave = i`, i adjacent features of a column are adjacent: [ceil(N / c), ceil(D / i), c, i]. Weights of i4
    have `features_per_byte = 2` and bytes [ceil(N / c), ceil(D / (2 i)), c, i]: the low half of element [p, b, n, j] is
    feature 2 i b + j, the high half feature 2 i b + i + j, both with 8 added.
  }];
  let parameters = (ins "int64_t":$columns, DefaultValuedParameter<"int64_t", "1">:$interleave,
                        DefaultValuedParameter<"int64_t", "1">:$features_per_byte);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The layout of the scales of a quantised weight, [N, groups]: the same panels.
    PanelLayoutAttr getScalesLayout() const { return get(getContext(), getColumns(), 1, 1); }
  }];
}

include "mf/Dialect/MF/IR/MFStrategies.td"

#endif // MF_DIALECT_MF_IR_MFATTRIBUTES_TD
