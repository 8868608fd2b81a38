// As much of Android as the samples need.
package android.os

object SystemClock {
    @JvmStatic fun elapsedRealtime(): Long = 0
}
