// Collects the diagnostics of a context.
#include "DiagnosticLog.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::mf;

DiagnosticLog::DiagnosticLog(MLIRContext *context)
    : context(context), handler(context->getDiagEngine().registerHandler([this](Diagnostic &d) { handle(d); })) {}

DiagnosticLog::~DiagnosticLog() { context->getDiagEngine().eraseHandler(handler); }

/// "file:line:column: " of the first place in a file, or nothing.
static std::string describePlace(Location location) {
  auto place = location->findInstanceOf<FileLineColLoc>();
  if (!place)
    return "";
  return (place.getFilename().getValue() + ":" + Twine(place.getLine()) + ":" + Twine(place.getColumn()) + ": ").str();
}

/// The message, without the lines of IR that passes may attach.
static std::string describe(Diagnostic &diagnostic) {
  std::string text;
  llvm::raw_string_ostream(text) << diagnostic;
  return describePlace(diagnostic.getLocation()) + StringRef(text).split('\n').first.str();
}

void DiagnosticLog::handle(Diagnostic &diagnostic) {
  std::lock_guard<std::mutex> lock(mutex);
  if (diagnostic.getSeverity() == DiagnosticSeverity::Warning)
    llvm::errs() << "mf-compile: warning: " << describe(diagnostic) << "\n";
  if (diagnostic.getSeverity() != DiagnosticSeverity::Error || !error.empty())
    return;
  error = describe(diagnostic);
  for (Diagnostic &note : diagnostic.getNotes())
    if (std::string text = describe(note); !StringRef(text).contains("see current operation"))
      error += "\n  note: " + text;
}

std::string DiagnosticLog::getError(const llvm::Twine &fallback) const {
  std::lock_guard<std::mutex> lock(mutex);
  return error.empty() ? fallback.str() : error;
}
