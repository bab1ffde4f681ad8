// Small integers for the elements of a parameter: the scales, and the elements under them.
#ifndef MF_LIB_TARGET_QUANTIZATION_H
#define MF_LIB_TARGET_QUANTIZATION_H

#include "ParameterSource.h"

namespace mlir::mf {

/// Scales of a quantised parameter, chosen once and read by the parameter and by that of its scales.
///
/// i8: the largest magnitude over 127. i4: of the largest magnitude over 7 times 0.4, 0.45, ... 1, the scale with the
/// least squared error on a sample of the elements that share it; the first of equals. Scales that are stored as bf16
/// are rounded before they are compared.
struct Quantization {
  QuantizedAttr attribute;
  /// Largest magnitude of an integer: 127 or 7.
  int32_t limit;
  /// Whether scales are stored as bf16.
  bool hasShortScales;
  /// Extent of the last dimension.
  int64_t rowLength;
  /// In the order of ParameterOp::getScalesType.
  std::vector<float> scales;
  /// sqrt(sum of squared errors / sum of squares) on the sample.
  double relativeError = 0.0;

  /// The scale of a logical element.
  float getScale(int64_t element) const;
};

/// Chooses the scales of `parameter`, whose source reads as `elements` of the attribute's element type, with `jobs`
/// threads. Fails where an element is no finite number.
llvm::Expected<std::shared_ptr<const Quantization>> chooseScales(ParameterOp parameter, const ParameterSource &elements,
                                                                 unsigned jobs);

/// Integers, a byte each, of `elements` under the scales.
std::unique_ptr<ParameterSource> quantize(std::unique_ptr<ParameterSource> elements,
                                          std::shared_ptr<const Quantization> quantization);

/// The scales, as ParameterOp::getScalesType says.
std::unique_ptr<ParameterSource> getScalesSource(std::shared_ptr<const Quantization> quantization);

} // namespace mlir::mf

#endif // MF_LIB_TARGET_QUANTIZATION_H
