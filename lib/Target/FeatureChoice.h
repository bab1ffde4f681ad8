// The features that pruned weights keep, and what is left of these weights.
#ifndef MF_LIB_TARGET_FEATURECHOICE_H
#define MF_LIB_TARGET_FEATURECHOICE_H

#include "ParameterSource.h"

namespace mlir::mf {

/// The features that each panel of columns of a weight keeps, ascending.
struct FeatureChoice {
  int64_t columns = 0; ///< of a panel
  int64_t numKept = 0; ///< of the features of each panel
  std::vector<int16_t> features;

  int16_t get(int64_t column, int64_t number) const { return features[column / columns * numKept + number]; }
};

/// Of each group of features of a weight `shape` [N, D], elements f32, those with the largest sum of squares in a
/// panel.
std::shared_ptr<const FeatureChoice> chooseFeatures(FeaturePruningAttr pruning, ArrayRef<int64_t> shape,
                                                    const ParameterSource &weight);

/// The elements of the chosen features of a weight with `numFeatures` of them.
std::unique_ptr<ParameterSource> keepFeatures(std::unique_ptr<ParameterSource> weight,
                                              std::shared_ptr<const FeatureChoice> choice, int64_t numFeatures,
                                              int64_t elementBytes);

/// The numbers of the features, i16 [panels, numKept].
std::unique_ptr<ParameterSource> getFeaturesSource(std::shared_ptr<const FeatureChoice> choice);

} // namespace mlir::mf

#endif // MF_LIB_TARGET_FEATURECHOICE_H
