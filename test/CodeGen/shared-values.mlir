// RUN: dl-check --only=code %s

// Each value is used twice by the next one: there are 2^40 ways through the kernel. Code
// generation must not walk them all.
dl.model @loops(%x: tensor<8x64xf32>) attributes {check.gradient = false} {
  %e = dl.exp %x
  %0 = dl.add %e, %e
  %1 = dl.add %0, %0
  %2 = dl.add %1, %1
  %3 = dl.add %2, %2
  %4 = dl.add %3, %3
  %5 = dl.add %4, %4
  %6 = dl.add %5, %5
  %7 = dl.add %6, %6
  %8 = dl.add %7, %7
  %9 = dl.add %8, %8
  %10 = dl.add %9, %9
  %11 = dl.add %10, %10
  %12 = dl.add %11, %11
  %13 = dl.add %12, %12
  %14 = dl.add %13, %13
  %15 = dl.add %14, %14
  %16 = dl.add %15, %15
  %17 = dl.add %16, %16
  %18 = dl.add %17, %17
  %19 = dl.add %18, %18
  %20 = dl.add %19, %19
  %21 = dl.add %20, %20
  %22 = dl.add %21, %21
  %23 = dl.add %22, %22
  %24 = dl.add %23, %23
  %25 = dl.add %24, %24
  %26 = dl.add %25, %25
  %27 = dl.add %26, %26
  %28 = dl.add %27, %27
  %29 = dl.add %28, %28
  %30 = dl.add %29, %29
  %31 = dl.add %30, %30
  %32 = dl.add %31, %31
  %33 = dl.add %32, %32
  %34 = dl.add %33, %33
  %35 = dl.add %34, %34
  %36 = dl.add %35, %35
  %37 = dl.add %36, %36
  %38 = dl.add %37, %37
  %39 = dl.add %38, %38
  %s = dl.sum %39 {axes = [1], keepdims = true}
  %y = dl.div %39, %s
  dl.return %y
}

// Before a contraction, with a sum beside it.
dl.model @contraction(%x: tensor<8x64xf32>, %g: tensor<8x32xf32>) attributes {check.gradient = false} {
  %0 = dl.add %g, %g
  %1 = dl.add %0, %0
  %2 = dl.add %1, %1
  %3 = dl.add %2, %2
  %4 = dl.add %3, %3
  %5 = dl.add %4, %4
  %6 = dl.add %5, %5
  %7 = dl.add %6, %6
  %8 = dl.add %7, %7
  %9 = dl.add %8, %8
  %10 = dl.add %9, %9
  %11 = dl.add %10, %10
  %12 = dl.add %11, %11
  %13 = dl.add %12, %12
  %14 = dl.add %13, %13
  %15 = dl.add %14, %14
  %16 = dl.add %15, %15
  %17 = dl.add %16, %16
  %18 = dl.add %17, %17
  %19 = dl.add %18, %18
  %20 = dl.add %19, %19
  %21 = dl.add %20, %20
  %22 = dl.add %21, %21
  %23 = dl.add %22, %22
  %24 = dl.add %23, %23
  %25 = dl.add %24, %24
  %26 = dl.add %25, %25
  %27 = dl.add %26, %26
  %28 = dl.add %27, %27
  %29 = dl.add %28, %28
  %30 = dl.add %29, %29
  %31 = dl.add %30, %30
  %32 = dl.add %31, %31
  %33 = dl.add %32, %32
  %34 = dl.add %33, %33
  %35 = dl.add %34, %34
  %36 = dl.add %35, %35
  %37 = dl.add %36, %36
  %38 = dl.add %37, %37
  %39 = dl.add %38, %38
  %w = dl.matmul %x, %39 {transpose_a = true}
  %b = dl.sum %39 {axes = [0]}
  dl.return %w, %b
}
