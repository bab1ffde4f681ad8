"""Benchmarks of compiled kernels and models beside what else could run them: configuration files and one driver.

`python -m benchmarks run configs/memory_layer.toml` runs one configuration; the README says what the files mean.
"""
