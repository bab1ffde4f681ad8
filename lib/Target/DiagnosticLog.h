// Collects the diagnostics of a context, so that a failure becomes one message.
#ifndef MF_LIB_TARGET_DIAGNOSTICLOG_H
#define MF_LIB_TARGET_DIAGNOSTICLOG_H

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include <mutex>

namespace mlir::mf {

/// Keeps the first error with its notes; prints warnings at once. Lives as long as the context is used.
class DiagnosticLog {
public:
  explicit DiagnosticLog(MLIRContext *context);
  ~DiagnosticLog();
  DiagnosticLog(const DiagnosticLog &) = delete;
  DiagnosticLog &operator=(const DiagnosticLog &) = delete;

  /// The first error, or `fallback` where none was emitted.
  std::string getError(const llvm::Twine &fallback) const;

private:
  void handle(Diagnostic &diagnostic);

  MLIRContext *context;
  DiagnosticEngine::HandlerID handler;
  mutable std::mutex mutex;
  std::string error;
};

} // namespace mlir::mf

#endif // MF_LIB_TARGET_DIAGNOSTICLOG_H
