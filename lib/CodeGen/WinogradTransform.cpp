//===- WinogradTransform.cpp - Convolutions with fewer products -----------===//

#include "WinogradTransform.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>
#include <numeric>

using namespace mlir;

namespace dl {

//===----------------------------------------------------------------------===//
// Matrices
//===----------------------------------------------------------------------===//

namespace {

/// An exact fraction: matrices are rounded once, when they are finished.
struct Fraction {
  int64_t numerator = 0, denominator = 1;

  Fraction(int64_t n = 0, int64_t d = 1) : numerator(n), denominator(d) {
    int64_t divisor = std::gcd(n, d) * (d < 0 ? -1 : 1);
    numerator /= divisor;
    denominator /= divisor;
  }
  Fraction operator+(Fraction y) const {
    return {numerator * y.denominator + y.numerator * denominator, denominator * y.denominator};
  }
  Fraction operator*(Fraction y) const {
    return {numerator * y.numerator, denominator * y.denominator};
  }
  Fraction operator-() const { return {-numerator, denominator}; }
  Fraction inverse() const { return {denominator, numerator}; }
  double value() const { return static_cast<double>(numerator) / static_cast<double>(denominator); }
};

using Polynomial = SmallVector<Fraction>;

} // namespace

/// p(x) * (x - root).
static Polynomial timesLinear(const Polynomial &p, Fraction root) {
  Polynomial product(p.size() + 1);
  for (auto [power, coefficient] : llvm::enumerate(p)) {
    product[power + 1] = product[power + 1] + coefficient;
    product[power] = product[power] + -(root * coefficient);
  }
  return product;
}

static Fraction evaluate(const Polynomial &p, Fraction x) {
  Fraction sum;
  for (Fraction coefficient : llvm::reverse(p))
    sum = sum * x + coefficient;
  return sum;
}

/// Values at the points of a polynomial of `count` coefficients, each point
/// scaled; the value at infinity is the last coefficient.
static LinearMap evaluation(ArrayRef<Fraction> points, ArrayRef<Fraction> scales, int64_t count) {
  SmallVector<LinearMap::Row> rows;
  for (auto [point, scale] : llvm::zip(points, scales)) {
    rows.emplace_back();
    Fraction power = scale;
    for (int64_t i = 0; i < count; ++i, power = power * point)
      rows.back().push_back(power.value());
  }
  rows.emplace_back(count, 0.0);
  rows.back().back() = 1;
  return LinearMap(rows);
}

WinogradTransforms makeWinogradTransforms(int64_t results, int64_t taps) {
  int64_t count = results + taps - 1;
  const Fraction all[] = {0, 1, -1, {1, 2}, -2};
  ArrayRef<Fraction> points = ArrayRef(all).take_front(count - 1);
  // The transpose of interpolation: row p holds the numerator of the Lagrange
  // polynomial of point p, whose denominator goes to the weights.
  SmallVector<LinearMap::Row> image;
  SmallVector<Fraction> scales;
  auto addRow = [&](const Polynomial &p) {
    image.emplace_back(count, 0.0);
    for (auto [power, coefficient] : llvm::enumerate(p))
      image.back()[power] = coefficient.value();
  };
  for (size_t own = 0; own < points.size(); ++own) {
    Polynomial numerator = {1};
    for (size_t other = 0; other < points.size(); ++other)
      if (other != own)
        numerator = timesLinear(numerator, points[other]);
    addRow(numerator);
    scales.push_back(evaluate(numerator, points[own]).inverse());
  }
  Polynomial nodes = {1};
  for (Fraction point : points)
    nodes = timesLinear(nodes, point);
  addRow(nodes);
  SmallVector<Fraction> ones(points.size(), 1);
  return {LinearMap(image), evaluation(points, scales, taps), evaluation(points, ones, results)};
}

//===----------------------------------------------------------------------===//
// LinearMap
//===----------------------------------------------------------------------===//

LinearMap::LinearMap(ArrayRef<Row> rows) : direct(rows) {
  for (size_t first = 0; first < rows.size(); ++first)
    for (size_t second = first + 1; second < rows.size(); ++second)
      for (size_t parity : {0, 1})
        share(first, second, parity);
}

/// Shares the even or the odd entries of two rows where those of one are a
/// multiple of the other's.
void LinearMap::share(size_t first, size_t second, size_t parity) {
  Row sum(direct[first].size(), 0.0), factors(direct.size(), 0.0);
  double &a = factors[first], &b = factors[second];
  int terms = 0;
  for (size_t i = parity; i < sum.size(); i += 2) {
    double x = direct[first][i], y = direct[second][i];
    if (x == 0 && y == 0)
      continue;
    if (a == 0) {
      a = x;
      b = y;
    }
    if (a == 0 || b == 0 || x * b != y * a)
      return;
    sum[i] = x / a;
    ++terms;
  }
  if (terms < 2)
    return;
  for (size_t i = parity; i < sum.size(); i += 2)
    direct[first][i] = direct[second][i] = 0;
  shared.push_back(sum);
  spread.push_back(factors);
}

double LinearMap::at(int64_t row, int64_t column) const {
  double entry = direct[row][column];
  for (auto [sum, factors] : llvm::zip(shared, spread))
    entry += factors[row] * sum[column];
  return entry;
}

int64_t LinearMap::cost() const {
  int64_t cost = 0;
  for (const auto *part : {&direct, &shared, &spread})
    for (const Row &row : *part)
      cost += llvm::count_if(row, [](double entry) { return entry != 0; });
  return cost;
}

/// sum + factor * x, where a null sum is 0.
static Value addTerm(VectorMath &math, Value sum, double factor, Value x) {
  if (factor == 0 || !x)
    return sum;
  if (sum && factor == 1)
    return arith::AddFOp::create(math.b, sum, x);
  if (sum && factor == -1)
    return arith::SubFOp::create(math.b, sum, x);
  if (factor == 1)
    return x;
  Type type = x.getType();
  FloatAttr number = math.b.getFloatAttr(getElementTypeOrSelf(type), factor);
  TypedAttr attribute = number;
  if (auto vector = dyn_cast<VectorType>(type))
    attribute = DenseElementsAttr::get(vector, static_cast<Attribute>(number));
  Value constant = arith::ConstantOp::create(math.b, attribute);
  return sum ? math.mulAdd(constant, x, sum)
             : arith::MulFOp::create(math.b, constant, x).getResult();
}

/// Terms of factor 1 come first: they start a sum for nothing.
static Value combine(VectorMath &math, ArrayRef<std::pair<double, Value>> terms) {
  Value sum;
  for (bool isOne : {true, false})
    for (auto [factor, x] : terms)
      if ((factor == 1) == isOne)
        sum = addTerm(math, sum, factor, x);
  return sum;
}

SmallVector<Value> LinearMap::apply(VectorMath &math, ArrayRef<Value> x) const {
  auto terms = [&](const Row &row) {
    return llvm::map_to_vector(llvm::zip_equal(row, x), [](auto pair) {
      return std::pair<double, Value>(std::get<0>(pair), std::get<1>(pair));
    });
  };
  SmallVector<Value> sums =
      llvm::map_to_vector(shared, [&](const Row &row) { return combine(math, terms(row)); });
  SmallVector<Value> result;
  for (auto [index, row] : llvm::enumerate(direct)) {
    SmallVector<std::pair<double, Value>> all(terms(row));
    for (auto [factors, sum] : llvm::zip(spread, sums))
      all.emplace_back(factors[index], sum);
    result.push_back(combine(math, all));
  }
  return result;
}

SmallVector<Value> LinearMap::applyTransposed(VectorMath &math, ArrayRef<Value> x) const {
  SmallVector<Value> sums;
  for (const Row &factors : spread) {
    SmallVector<std::pair<double, Value>> terms;
    for (auto [factor, value] : llvm::zip_equal(factors, x))
      terms.emplace_back(factor, value);
    sums.push_back(combine(math, terms));
  }
  SmallVector<Value> result;
  for (int64_t column = 0; column < columns(); ++column) {
    SmallVector<std::pair<double, Value>> terms;
    for (auto [row, value] : llvm::zip_equal(direct, x))
      terms.emplace_back(row[column], value);
    for (auto [row, sum] : llvm::zip(shared, sums))
      terms.emplace_back(row[column], sum);
    result.push_back(combine(math, terms));
  }
  return result;
}

} // namespace dl
