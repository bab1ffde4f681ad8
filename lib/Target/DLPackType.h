// Element types as DLPack spells them.
#ifndef MF_LIB_TARGET_DLPACKTYPE_H
#define MF_LIB_TARGET_DLPACKTYPE_H

#include "mf/Runtime/Plan.h"
#include "mlir/IR/BuiltinTypes.h"
#include <optional>

namespace mlir::mf {

/// The DLPack type of an element type; nothing where DLPack has none. Signless integers are signed.
std::optional<mf_rt_dtype> getDLPackType(Type type);

} // namespace mlir::mf

#endif // MF_LIB_TARGET_DLPACKTYPE_H
