"""
zh: 各章的代码。一个模块就是它那一章：导入时从头运行到尾，打印各步的输出，用时数秒；
zh: 之后函数和类可以照常使用。
en: The chapters' code. A module is its chapter: importing one runs it from top to bottom,
en: prints what its steps print and takes seconds; then its functions and classes serve.
"""
