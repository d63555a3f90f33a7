/** Drops that can be told apart, for tests that must know of each whether it arrived, and once. */
package io.bianque.tests.drops;
