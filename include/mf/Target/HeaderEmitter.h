// The C header of a library.
#ifndef MF_TARGET_HEADEREMITTER_H
#define MF_TARGET_HEADEREMITTER_H

#include "mf/Target/LibraryPlan.h"

namespace mlir::mf {

/// A header that needs no other file: the C interface, the declaration of the library's function, and, in comments, its
/// entry points with shapes and ownership and an example. `libraryName` is the name of the library's file.
std::string writeHeader(const LibraryPlan &plan, StringRef libraryName);

} // namespace mlir::mf

#endif // MF_TARGET_HEADEREMITTER_H
