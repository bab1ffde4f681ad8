// Parameters of a model, and the ops between bufferised code and the runtime.
#ifndef MF_DIALECT_MF_IR_MFMODULEOPS_TD
#define MF_DIALECT_MF_IR_MFMODULEOPS_TD

include "mf/Dialect/MF/IR/MFOpBase.td"

//===----------------------------------------------------------------------===//
// Parameters
//===----------------------------------------------------------------------===//

def MF_ParameterOp : MF_Op<"parameter", [Symbol]> {
  let summary = "A tensor of the parameter file";
  let description = [{
    Declares a parameter: its logical type, where its elements come from, and the layout it is stored in. Its elements are
    never in the IR.

    ```mlir
    mf.parameter @"sequential.2.mlp.0.tables" : tensor<64x256x640xf16>
        from #mf.tensor_file<path = "model.safetensors", offset = 4096, element_type = f16>
        layout #mf.table_layout<strip_columns = 64> index 3
    ```

    Where there is a layout, the values of the parameter (`mf.get_parameter`) have the stored shape.

    `index` is the place in the parameter file. It is set, for all parameters, by the pass `mf-pack-parameters`.

    Constraints:
    - (C1) the type is static, its element type f32, f16, bf16, i8, i4, or, of indices, i16 or i32.
    - (C2) the source's element type, where it has one, converts without loss; i8 and i4 are of `#mf.quantized`, i16 and
      i32 of `#mf.row_map`, i16 of `#mf.kept_features`.
    - (C3) the layout applies to the shape; it stores i4, and nothing else, in pairs.
    - (C4) `#mf.rotary_angles` needs a type [positions, r / 2, 2] of f32.
    - (C5) the groups of `#mf.quantized` divide the last dimension.
    - (C6) `#mf.kept_rows`, converted or not, needs a type [1, n + 1, N] for n rows that are kept; `#mf.row_map` the shape
      of its mask, and i32 where n is above 65,535.
    - (C7) `#mf.pruned_features`, rounded or not, needs a type [N, D'] of floats, D' a multiple of what is kept of each group.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<StaticShapeTensorOf<[F32, F16, BF16, I8, I<4>, I16, I32]>>:$type,
                       MF_SourceAttrInterface:$source, OptionalAttr<MF_LayoutAttrInterface>:$layout,
                       OptionalAttr<I64Attr>:$index);
  let assemblyFormat = [{
    $sym_name `:` $type `from` $source (`layout` $layout^)? (`index` $index^)? attr-dict
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The type as stored: the layout's shape, the same element type (i8 for pairs of i4); the type itself where there
    /// is no layout.
    ::mlir::RankedTensorType getPackedType();
    /// The rows of pruned tables that are kept, whatever their elements were converted to; null for others.
    ::mlir::mf::KeptRowsAttr getKeptRows();
    /// How the features of a weight were pruned, whatever its elements were converted to; null for others.
    ::mlir::mf::PrunedFeaturesAttr getPrunedFeatures();
    /// For quantised elements, the type of their scales (`#mf.quantization_scales`); null for others.
    ::mlir::RankedTensorType getScalesType();
  }];
}

def MF_GetParameterOp : MF_Op<"get_parameter", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "The value of a parameter";
  let description = [{
    ```mlir
    %t = mf.get_parameter @"sequential.2.mlp.0.tables" : tensor<64x256x640xf16>
    ```

    Constraints:
    - (C1) the symbol is an `mf.parameter`; the result type is its packed type: the type as its layout stores it, its type
      where it has no layout.
  }];
  let arguments = (ins FlatSymbolRefAttr:$parameter);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$parameter `:` type($result) attr-dict";
}

//===----------------------------------------------------------------------===//
// The frame of a call
//===----------------------------------------------------------------------===//

def MF_FrameDimOp : MF_Op<"frame_dim", [Pure]> {
  let summary = "The value of a symbolic dimension in this call";
  let description = [{ `%n = mf.frame_dim %frame[0] : index` }];
  let arguments = (ins MF_FrameType:$frame, I64Attr:$index);
  let results = (outs Index:$result);
  let assemblyFormat = "$frame `[` $index `]` attr-dict `:` type($result)";
}

def MF_FrameOperandOp : MF_Op<"frame_operand", [Pure]> {
  let summary = "An operand of the entry point as a compact memref";
  let description = [{ `%x = mf.frame_operand %frame[0](%n) : memref<?x512xf32>` }];
  let arguments = (ins MF_FrameType:$frame, I64Attr:$index, Variadic<Index>:$sizes);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$frame `[` $index `]` (`(` $sizes^ `)`)? attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def MF_FrameParameterOp : MF_Op<"frame_parameter", [Pure]> {
  let summary = "A tensor of the parameter file as a compact memref";
  let description = [{ `%t = mf.frame_parameter %frame[3] : memref<64x256x640xf16>` }];
  let arguments = (ins MF_FrameType:$frame, I64Attr:$index);
  let results = (outs AnyStaticShapeMemRef:$result);
  let assemblyFormat = "$frame `[` $index `]` attr-dict `:` type($result)";
}

def MF_FrameWorkspaceOp : MF_Op<"frame_workspace", [Pure]> {
  let summary = "The first bytes of the call's workspace";
  let description = [{ `%w = mf.frame_workspace %frame(%bytes) : memref<?xi8>` }];
  let arguments = (ins MF_FrameType:$frame, Index:$bytes);
  let results = (outs MemRefRankOf<[I8], [1]>:$result);
  let assemblyFormat = "$frame `(` $bytes `)` attr-dict `:` type($result)";
}

def MF_FrameWorkersOp : MF_Op<"frame_workers", [Pure]> {
  let summary = "The bound of the worker indices of this call's parallel loops";
  let description = [{ `%n = mf.frame_workers %frame : index` }];
  let arguments = (ins MF_FrameType:$frame);
  let results = (outs Index:$result);
  let assemblyFormat = "$frame attr-dict `:` type($result)";
}

def MF_WorkerIndexOp : MF_Op<"worker_index", [MemoryEffects<[MemRead]>]> {
  let summary = "The worker that runs this iteration of a parallel loop";
  let description = [{
    `%w = mf.worker_index : index`, inside a parallel loop only; below `mf.frame_workers`. Iterations that run at the same
    time have different workers. It is no pure op, so that it is not moved out of its loop.
  }];
  let results = (outs Index:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}

def MF_ParallelForOp : MF_Op<"parallel_for", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "A parallel loop over a kernel";
  let description = [{
    Calls `kernel(begin, end, worker, captures...)`, in parallel, for a partition of [0, count).

    ```mlir
    mf.parallel_for @kernel on %frame count(%n) (%x, %y : memref<?x512xf32>, memref<?x512xf32>)
    ```

    Constraints:
    - (C1) the kernel is a function (index, index, index, types of the captures) -> ().
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, MF_FrameType:$frame, Index:$count, Variadic<AnyType>:$captures);
  let assemblyFormat = [{
    $kernel `on` $frame `count` `(` $count `)` `(` ($captures^ `:` type($captures))? `)` attr-dict
  }];
}

#endif // MF_DIALECT_MF_IR_MFMODULEOPS_TD
