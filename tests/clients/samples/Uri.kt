// As much of Android as the samples need.
package android.net

abstract class Uri {
    companion object {
        @JvmStatic fun parse(text: String): Uri = TODO(text)
    }
}
