// Package export_example_disk_disk is the module `disk` in Go. What each method does is said in `../../wit/disk.wit`.
package export_example_disk_disk

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

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
	count := uint64(len(paths))
	for done, path := range paths {
		about, err := os.Stat(path)
		if err != nil || !filepath.IsAbs(path) {
			return failed(disk.MakeDiskErrorNotFound(path))
		}
		if !about.IsDir() {
			return failed(disk.MakeDiskErrorNotAFolder(path))
		}
		entry := disk.Entry{Path: path}
		for waiting := []string{path}; len(waiting) > 0; {
			folder := waiting[len(waiting)-1]
			waiting = waiting[:len(waiting)-1]
			if job.Cancelled() {
				return failed(disk.MakeDiskErrorCancelled())
			}
			job.Progress(uint64(done), count, folder)
			below, err := add(folder, &entry)
			if err != nil {
				report.Warnings = append(report.Warnings, fmt.Sprintf(`cannot read "%s"`, folder))
			}
			waiting = append(waiting, below...)
		}
		entry.Over = threshold.IsSome() && entry.Bytes > threshold.Some()
		message := fmt.Sprintf("%s: %d files, %d bytes", path, entry.Files, entry.Bytes)
		log.Write(log.Level_Info, message, nil)
		report.Total += entry.Bytes
		report.Entries = append(report.Entries, entry)
	}
	job.Progress(count, count, "")
	slices.Sort(report.Warnings)
	return wit_types.Ok[disk.Report, disk.DiskError](report)
}

func Explode(message string) {
	panic(message)
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

func failed(err disk.DiskError) wit_types.Result[disk.Report, disk.DiskError] {
	return wit_types.Err[disk.Report, disk.DiskError](err)
}
