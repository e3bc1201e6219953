//===- Cost.h - Arithmetic of a graph ---------------------------*- C++ -*-===//

#ifndef DL_TOOLS_DLC_COST_H
#define DL_TOOLS_DLC_COST_H

#include "dl/JIT/Compiler.h"

namespace dl::driver {

/// Floating-point operations of one run of the request's graph: two for each
/// multiply-add of a product or convolution, one for each result of an
/// element-wise op and for each input of a reduction. Precondition: the request
/// compiles.
double countFlops(const Model &model, const ProgramRequest &request);

} // namespace dl::driver

#endif // DL_TOOLS_DLC_COST_H
