// Descriptions of CPUs: the default variants of each architecture, and any CPU that LLVM knows, reduced to the features
// that a library can check when it is loaded.
#include "mf/Codegen/Strategy/Target.h"
#include "mf/Dialect/MF/IR/MFDialect.h"
#include "mf/Runtime/Plan.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace mlir::mf;

namespace {
/// A feature that can be checked when a library is loaded.
struct Feature {
  uint64_t mask;
  StringRef name;
};

/// What the compiler assumes about an architecture.
struct Architecture {
  llvm::Triple::ArchType arch;
  StringRef baseline; // LLVM's name of the least CPU
  ArrayRef<Feature> features;
};

/// A variant by a name of ours: the features of an LLVM CPU and some more.
struct DefaultVariant {
  llvm::Triple::ArchType arch;
  StringRef name;
  StringRef cpu;
  StringRef extraFeatures; // separated by commas
};
} // namespace

#define MF_FEATURE(bit, name, text) {uint64_t(1) << bit, name},
static const Feature x86Features[] = {MF_RT_X86_FEATURES(MF_FEATURE)};
static const Feature aarch64Features[] = {MF_RT_AARCH64_FEATURES(MF_FEATURE)};
#undef MF_FEATURE

static const Architecture architectures[] = {{llvm::Triple::x86_64, "x86-64", x86Features},
                                             {llvm::Triple::aarch64, "generic", aarch64Features}};

/// Best first.
static const DefaultVariant defaultVariants[] = {
    {llvm::Triple::x86_64, "x86-64-v4-vnni-bf16", "x86-64-v4", "avx512vnni,avx512bf16"},
    {llvm::Triple::x86_64, "x86-64-v4", "x86-64-v4", ""},
    {llvm::Triple::x86_64, "x86-64-v3", "x86-64-v3", ""},
    {llvm::Triple::x86_64, "x86-64-v2", "x86-64-v2", ""},
    {llvm::Triple::aarch64, "aarch64", "generic", ""}};

static const Architecture *findArchitecture(const llvm::Triple &triple) {
  const auto *it = llvm::find_if(architectures, [&](const Architecture &a) { return a.arch == triple.getArch(); });
  return it == std::end(architectures) ? nullptr : it;
}

/// The bits of a list "+avx,+avx2" or "avx,avx2"; features that cannot be checked have none.
static uint64_t getMask(const Architecture &architecture, StringRef list) {
  uint64_t mask = 0;
  for (StringRef name : llvm::split(list, ','))
    for (const Feature &feature : architecture.features)
      if (name.ltrim('+') == feature.name)
        mask |= feature.mask;
  return mask;
}

static std::unique_ptr<llvm::MCSubtargetInfo> createSubtarget(const llvm::Triple &triple, StringRef cpu) {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86TargetMC();
  LLVMInitializeAArch64TargetInfo();
  LLVMInitializeAArch64TargetMC();
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  // LLVM prints a message of its own for an unknown CPU, so the names are asked for through one that is known.
  std::unique_ptr<llvm::MCSubtargetInfo> subtarget(target->createMCSubtargetInfo(triple, "generic", ""));
  if (!subtarget || !subtarget->isCPUStringValid(cpu))
    return nullptr;
  return std::unique_ptr<llvm::MCSubtargetInfo>(target->createMCSubtargetInfo(triple, cpu, ""));
}

/// Features of the CPU that LLVM calls `cpu`; failure where it knows none of that name.
static FailureOr<uint64_t> getCPUFeatures(const Architecture &architecture, const llvm::Triple &triple, StringRef cpu) {
  std::unique_ptr<llvm::MCSubtargetInfo> subtarget = createSubtarget(triple, cpu);
  if (!subtarget)
    return failure();
  uint64_t mask = 0;
  for (const llvm::SubtargetFeatureKV &known : subtarget->getEnabledProcessorFeatures())
    mask |= getMask(architecture, known.Key);
  return mask;
}

/// Features of this machine, which a virtual machine may have fewer of than its CPU's name says.
static uint64_t getHostFeatures(const Architecture &architecture) {
  uint64_t mask = 0;
  for (const auto &feature : llvm::sys::getHostCPUFeatures())
    if (feature.second)
      mask |= getMask(architecture, feature.first());
  return mask;
}

static CPUTargetAttr describe(MLIRContext *context, const llvm::Triple &triple, StringRef variant, StringRef tuneCPU,
                              uint64_t mask) {
  const Architecture &architecture = *findArchitecture(triple);
  SmallVector<std::string> features;
  for (const Feature &feature : architecture.features)
    if (mask & feature.mask)
      features.push_back(("+" + feature.name).str());
  int64_t vectorBits = 128;
  bool fma = true;
  // Cache sizes are of the smallest core that is likely to run the variant.
  int64_t l1Bytes = 64 << 10, l2Bytes = 1 << 20;
  if (architecture.arch == llvm::Triple::x86_64) {
    bool hasAVX512 = mask & getMask(architecture, "avx512vl");
    bool hasAVX2 = mask & getMask(architecture, "avx2");
    fma = mask & getMask(architecture, "fma");
    vectorBits = hasAVX512 ? 512 : hasAVX2 ? 256 : 128;
    l1Bytes = 32 << 10;
    l2Bytes = hasAVX512 ? 1 << 20 : hasAVX2 ? 512 << 10 : 256 << 10;
  }
  return CPUTargetAttr::get(context, variant, triple.str(), tuneCPU, llvm::join(features, ","), vectorBits, fma,
                            l1Bytes, l2Bytes);
}

/// The variant of one name that the user gave.
static FailureOr<CPUTargetAttr> getTarget(MLIRContext *context, const llvm::Triple &triple, StringRef name,
                                          function_ref<InFlightDiagnostic()> emitError) {
  const Architecture &architecture = *findArchitecture(triple);
  if (name == "native") {
    if (llvm::Triple(llvm::sys::getDefaultTargetTriple()).getArch() != triple.getArch())
      return emitError() << "CPU 'native' is of another architecture than the triple '" << triple.str() << "'";
    return describe(context, triple, name, llvm::sys::getHostCPUName(), getHostFeatures(architecture));
  }
  StringRef cpu = name, extraFeatures;
  for (const DefaultVariant &variant : defaultVariants)
    if (variant.arch == triple.getArch() && variant.name == name)
      std::tie(cpu, extraFeatures) = std::make_pair(variant.cpu, variant.extraFeatures);
  FailureOr<uint64_t> mask = getCPUFeatures(architecture, triple, cpu);
  if (failed(mask))
    return emitError() << "expects a CPU that LLVM knows for '" << triple.str() << "', found '" << name << "'";
  return describe(context, triple, name, cpu, *mask | getMask(architecture, extraFeatures));
}

FailureOr<SmallVector<CPUTargetAttr>> mlir::mf::getTargets(MLIRContext *context, StringRef tripleText,
                                                           ArrayRef<StringRef> cpus,
                                                           function_ref<InFlightDiagnostic()> emitError) {
  llvm::Triple triple(llvm::Triple::normalize(tripleText));
  if (!findArchitecture(triple))
    return emitError() << "expects a triple of x86_64 or aarch64, found '" << tripleText << "'";

  SmallVector<StringRef> names(cpus);
  if (names.empty())
    for (const DefaultVariant &variant : defaultVariants)
      if (variant.arch == triple.getArch())
        names.push_back(variant.name);

  // Best first: wide vectors before narrow ones, then many features before few.
  auto isBetter = [](CPUTargetAttr a, CPUTargetAttr b) {
    auto rank = [](CPUTargetAttr t) { return std::pair(t.getVectorBits(), llvm::popcount(getRequiredFeatures(t))); };
    return rank(a) > rank(b);
  };
  SmallVector<CPUTargetAttr> targets;
  for (StringRef name : names) {
    FailureOr<CPUTargetAttr> target = getTarget(context, triple, name, emitError);
    if (failed(target))
      return failure();
    if (!llvm::is_contained(targets, *target))
      targets.insert(llvm::upper_bound(targets, *target, isBetter), *target);
  }
  return targets;
}

uint64_t mlir::mf::getRequiredFeatures(CPUTargetAttr target) {
  const Architecture *architecture = findArchitecture(llvm::Triple(target.getTriple()));
  return architecture ? getMask(*architecture, target.getFeatures()) : 0;
}

StringRef mlir::mf::getCodegenCPU(CPUTargetAttr target) {
  const Architecture *architecture = findArchitecture(llvm::Triple(target.getTriple()));
  return architecture ? architecture->baseline : target.getCpu();
}

StringRef mlir::mf::getTuneCPU(CPUTargetAttr target) { return target.getCpu(); }
