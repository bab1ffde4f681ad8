// `rope_parameters`, where Hugging Face's newer files say how rotary embeddings are.
#include "KeyReader.h"
#include "mf/Frontend/StrictJSON.h"

using namespace mlir;
using namespace mlir::mf;
namespace json = llvm::json;

RopeParameters mlir::mf::readRopeParameters(KeyReader &keys) {
  keys.fixed("rope_scaling", nullptr, /*required=*/false);
  RopeParameters rope;
  const json::Value *value = keys.get("rope_parameters");
  if (!value)
    return rope;
  const json::Object *object = value->getAsObject();
  if (!object || object->getString("rope_type").value_or("default") != "default") {
    keys.problem("rope_parameters", "an object with rope_type \"default\"", describeJSON(*value));
    return rope;
  }
  rope.base = object->getNumber("rope_theta");
  rope.share = object->getNumber("partial_rotary_factor");
  if (rope.base.value_or(1) > 0 && isRotaryShare(rope.share.value_or(0)))
    return rope;
  keys.problem("rope_parameters", "a positive rope_theta, and partial_rotary_factor in [0, 1]", describeJSON(*value));
  return {};
}
