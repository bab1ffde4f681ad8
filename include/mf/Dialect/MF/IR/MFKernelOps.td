// Ops of kernels for GPUs that no dialect upstream has on memrefs: bulk copies and the barriers that count their bytes.
#ifndef MF_DIALECT_MF_IR_MFKERNELOPS_TD
#define MF_DIALECT_MF_IR_MFKERNELOPS_TD

include "mf/Dialect/MF/IR/MFOpBase.td"

// Barriers in workgroup memory, 8 bytes each.
defvar MF_MBarriers = MemRefRankOf<[I64], [1]>;

class MF_KernelOp<string mnemonic, list<Trait> traits = []>
    : MF_Op<mnemonic, !listconcat(traits, [MemoryEffects<[MemRead, MemWrite]>])> {
  let hasVerifier = 1;
}

def MF_BulkCopyOp : MF_KernelOp<"bulk_copy", [AttrSizedOperandSegments]> {
  let summary = "Starts a copy of adjacent bytes to workgroup memory";
  let description = [{
    One thread copies `elements` elements, adjacent in memory, from `indices` on of both sides. The bytes arrive some time
    later and are then counted by an mbarrier of the block that gets them.

    With `multicast`, bit i says that block i of the cluster gets them: at the same place of its workgroup memory, counted
    by its mbarrier at the same place.

    ```mlir
    mf.bulk_copy %tables[%strip, %table, %row, %c0] to %slices[%buffer, %row, %c0] elements(4096)
        barrier(%barriers[%buffer]) multicast(3)
        : memref<2x64x256x64xf16> to memref<3x256x64xf16, #gpu.address_space<workgroup>>,
          memref<3xi64, #gpu.address_space<workgroup>>
    ```

    Constraints:
    - (C1) source and destination are compact, of one element type; destination and barriers are workgroup memory.
    - (C2) as many indices as dimensions.
    - (C3) the elements are a multiple of 16 bytes, and so are both addresses.
    - (C4) the mask of `multicast` is in [1, 65535].
  }];
  let arguments = (ins AnyMemRef:$source, Variadic<Index>:$source_indices, AnyMemRef:$destination,
                       Variadic<Index>:$destination_indices, MF_MBarriers:$barriers, Index:$barrier, I64Attr:$elements,
                       OptionalAttr<I32Attr>:$multicast);
  let assemblyFormat = [{
    $source `[` $source_indices `]` `to` $destination `[` $destination_indices `]` `elements` `(` $elements `)`
    `barrier` `(` $barriers `[` $barrier `]` `)` (`multicast` `(` $multicast^ `)`)? attr-dict
    `:` type($source) `to` type($destination) `,` type($barriers)
  }];
  let extraClassDeclaration = [{
    int64_t getBytes();
  }];
}

def MF_MBarrierInitOp : MF_KernelOp<"mbarrier_init"> {
  let summary = "An mbarrier whose phases end after `count` arrivals and all expected bytes";
  let description = [{
    Phase 0 begins. Other threads use the barrier after a barrier of the block or cluster that follows.

    ```mlir
    mf.mbarrier_init %barriers[%i] count(1) : memref<3xi64, #gpu.address_space<workgroup>>
    ```
  }];
  let arguments = (ins MF_MBarriers:$barriers, Index:$barrier, ConfinedAttr<I32Attr, [IntPositive]>:$count);
  let assemblyFormat = "$barriers `[` $barrier `]` `count` `(` $count `)` attr-dict `:` type($barriers)";
}

def MF_MBarrierExpectOp : MF_KernelOp<"mbarrier_expect"> {
  let summary = "Arrives at an mbarrier, whose phase has `bytes` more bytes to wait for";
  let description = [{
    ```mlir
    mf.mbarrier_expect %barriers[%i] bytes(32768) : memref<3xi64, #gpu.address_space<workgroup>>
    ```
  }];
  let arguments = (ins MF_MBarriers:$barriers, Index:$barrier, ConfinedAttr<I32Attr, [IntPositive]>:$bytes);
  let assemblyFormat = "$barriers `[` $barrier `]` `bytes` `(` $bytes `)` attr-dict `:` type($barriers)";
}

def MF_MBarrierWaitOp : MF_KernelOp<"mbarrier_wait"> {
  let summary = "Waits until the phase of an mbarrier with this parity has ended";
  let description = [{
    `parity` is 0 for phases 0, 2, ..., 1 for the others. The thread then sees the bytes that the phase counted.

    ```mlir
    mf.mbarrier_wait %barriers[%i] parity(%p) : memref<3xi64, #gpu.address_space<workgroup>>
    ```
  }];
  let arguments = (ins MF_MBarriers:$barriers, Index:$barrier, I32:$parity);
  let assemblyFormat = "$barriers `[` $barrier `]` `parity` `(` $parity `)` attr-dict `:` type($barriers)";
}

#endif // MF_DIALECT_MF_IR_MFKERNELOPS_TD
