/**
 * Lends real servers to tests: a class says {@link io.bianque.tests.components.RealComponents} and
 * gets a {@link io.bianque.tests.components.Components} as parameter. The servers are child
 * processes started by the same code as {@code ./bianque up}, in a data folder and on ports of
 * their own, shared by all classes of one JVM.
 */
package io.bianque.tests.components;
