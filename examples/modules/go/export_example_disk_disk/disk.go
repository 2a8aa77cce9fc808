// Package export_example_disk_disk is the module `disk` in Go. What each method does is said in `../../wit/disk.wit`.
package export_example_disk_disk

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.bytecodealliance.org/pkg/wit/types"

	// Made from the WIT.
	disk "wit_component/example_disk_disk"
	job "wit_component/minion_job_job"
	log "wit_component/minion_log_log"
)

func Greet(name string) string {
	return "hello, " + name
}

func Usage(paths []string, threshold wit_types.Option[uint64]) wit_types.Result[disk.Report, disk.DiskError] {
	report := disk.Report{Entries: []disk.Entry{}, Warnings: []string{}}
	count, over := uint64(len(paths)), false
	for done, path := range paths {
		tell := func(folder string) { job.Progress(uint64(done), count, folder) }
		entry, warnings, failure := measure(path, tell)
		if failure != nil {
			return wit_types.Err[disk.Report, disk.DiskError](*failure)
		}
		entry.Over = threshold.IsSome() && entry.Bytes > threshold.Some()
		over = over || entry.Over
		message := fmt.Sprintf("%s: %d files, %d bytes", path, entry.Files, entry.Bytes)
		log.Write(log.Level_Info, message, nil)
		report.Total += entry.Bytes
		report.Entries = append(report.Entries, entry)
		report.Warnings = append(report.Warnings, warnings...)
	}
	job.Progress(count, count, "")
	slices.Sort(report.Warnings)
	if over {
		return wit_types.Err[disk.Report, disk.DiskError](disk.MakeDiskErrorOver(report))
	}
	return wit_types.Ok[disk.Report, disk.DiskError](report)
}

func Watch(path string, bytes uint64) wit_types.Result[uint64, disk.DiskError] {
	for {
		entry, _, failure := measure(path, func(string) {})
		if failure != nil {
			return wit_types.Err[uint64, disk.DiskError](*failure)
		}
		job.Progress(entry.Bytes, bytes, path)
		if entry.Bytes >= bytes {
			return wit_types.Ok[uint64, disk.DiskError](entry.Bytes)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func Explode(message string) {
	panic(message)
}

func Spin() {
	for {
	}
}

// measure adds up what is below one path, telling each folder before it is looked into. It ends early when the job is
// cancelled.
func measure(path string, tell func(folder string)) (entry disk.Entry, warnings []string, failure *disk.DiskError) {
	failed := func(err disk.DiskError) (disk.Entry, []string, *disk.DiskError) { return entry, nil, &err }
	about, err := os.Stat(path)
	if err != nil || !filepath.IsAbs(path) {
		return failed(disk.MakeDiskErrorNotFound(path))
	}
	if !about.IsDir() {
		return failed(disk.MakeDiskErrorNotAFolder(path))
	}
	entry.Path = path
	for waiting := []string{path}; len(waiting) > 0; {
		folder := waiting[len(waiting)-1]
		waiting = waiting[:len(waiting)-1]
		if job.Cancelled() {
			return failed(disk.MakeDiskErrorCancelled())
		}
		tell(folder)
		below, err := add(folder, &entry)
		if err != nil {
			warnings = append(warnings, fmt.Sprintf(`cannot read "%s"`, folder))
		}
		waiting = append(waiting, below...)
	}
	return entry, warnings, nil
}

// add adds the files of one folder to entry, and gives back the folders in it.
//
// A folder counts whole or, where its names cannot be read to the end, not at all.
func add(folder string, entry *disk.Entry) ([]string, error) {
	items, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var below []string
	for _, item := range items {
		about, err := item.Info()
		switch {
		case err != nil:
			// What has gone since its name was read does not count.
		case about.IsDir():
			below = append(below, folder+"/"+item.Name())
		case about.Mode().IsRegular():
			entry.Files++
			entry.Bytes += uint64(about.Size())
		}
	}
	return below, nil
}
