// Dot products of bytes, four at a time, with the instructions that the target has for them.
#ifndef MF_CODEGEN_CPU_INTEGERDOT_H
#define MF_CODEGEN_CPU_INTEGERDOT_H

#include "mf/Codegen/CPU/KernelBuilder.h"

namespace mlir::mf {

/// One instruction of x86 each, for vectors of 16, 32 or 64 bytes: sums of products of pairs of bytes in 16 bits
/// (vpmaddubsw, with saturation), of pairs of words in 32 (vpmaddwd), of four bytes added to `sums` (vpdpbusd).
Value buildBytePairs(KernelBuilder &kb, Value unsignedBytes, Value signedBytes);
Value buildWordPairs(KernelBuilder &kb, Value x, Value y);
Value buildByteQuads(KernelBuilder &kb, Value sums, Value unsignedBytes, Value signedBytes);

/// sums[i] + sum over j < 4 of unsignedBytes[4 i + j] * signedBytes[4 i + j], for i32 sums. The unsigned bytes are
/// below 128, and products of two neighbours add to at most 32,767 in magnitude: then the result is exact on every
/// target. Vectors of 128 bits or more.
Value buildDot4(KernelBuilder &kb, Value sums, Value unsignedBytes, Value signedBytes);

/// Whether buildDot4 is exact for unsigned bytes up to 255 too, in vectors of `bytes` bytes.
bool hasDotOfAllBytes(KernelBuilder &kb, int64_t bytes);

/// The low or the high halves of bytes, as bytes in [0, 15].
Value buildNibbles(KernelBuilder &kb, Value bytes, bool high);

/// The bytes of four vectors of equal type, those of one place adjacent: result j of each 16 bytes holds the places
/// 4 j, ..., 4 j + 3 of these 16 bytes.
std::array<Value, 4> buildInterleave4(KernelBuilder &kb, std::array<Value, 4> rows);

/// Undoes the order of buildInterleave4: from sums of its four results to sums of the places in ascending order.
std::array<Value, 4> buildOrderSums(KernelBuilder &kb, std::array<Value, 4> sums);

} // namespace mlir::mf

#endif // MF_CODEGEN_CPU_INTEGERDOT_H
