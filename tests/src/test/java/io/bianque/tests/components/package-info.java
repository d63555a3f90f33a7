/**
 * Lends real servers to tests: a class says {@link io.bianque.tests.components.RealComponents} and
 * gets a {@link io.bianque.tests.components.Components} as parameter.
 *
 * <p>Broker, registry and search server are containers where an engine answers. Where none does,
 * and all others, are child processes started by the same code as {@code ./bianque up}. Either way
 * they have a data folder and ports of their own, and are shared by all classes of one JVM.
 */
package io.bianque.tests.components;
