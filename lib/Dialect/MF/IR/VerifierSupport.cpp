// Shapes against named dimensions, and other checks that several ops make.
#include "VerifierSupport.h"
#include "llvm/ADT/SmallString.h"

using namespace mlir;
using namespace mlir::mf;

LogicalResult DimMatcher::match(StringRef operand, Value value, ArrayRef<StringRef> names) {
  auto type = cast<ShapedType>(value.getType());
  if (type.getRank() != static_cast<int64_t>(names.size()))
    return op->emitOpError("expects '") << operand << "' to be [" << llvm::join(names, ", ") << "], found " << type;
  for (auto [dim, size] : llvm::enumerate(type.getShape())) {
    if (ShapedType::isDynamic(size))
      continue;
    auto [known, isNew] = extents.try_emplace(names[dim], Extent{size, operand.str()});
    if (!isNew && known->second.size != size)
      return op->emitOpError("expects dimension ")
             << dim << " (" << names[dim] << ") of '" << operand << "' to be " << known->second.size << " as in '"
             << known->second.operand << "', found " << size;
  }
  return success();
}

LogicalResult mf::verifySemantics(DestinationStyleOpInterface op) {
  if (op.hasPureTensorSemantics() || op.hasPureBufferSemantics())
    return success();
  return op->emitOpError("expects its operands to be all tensors or all memrefs");
}

std::string mf::printShape(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleave(
      shape, os, [&](int64_t size) { ShapedType::isDynamic(size) ? os << "?" : os << size; }, "x");
  return text;
}

LogicalResult mf::verifyFinite(Operation *op, StringRef name, FloatAttr value) {
  if (value.getValue().isFinite())
    return success();
  return op->emitOpError("expects '") << name << "' to be finite, found " << value;
}
