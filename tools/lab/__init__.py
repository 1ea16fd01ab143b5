# SPDX-License-Identifier: Apache-2.0
"""Real registries and real images for the demo, the tests and the benchmark: all on loopback, all stopped again."""
